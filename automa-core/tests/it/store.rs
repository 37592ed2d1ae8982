//! Both stores keep every promise of the trait.

/// The suite lists its promises by hand; none may be forgotten.
#[test]
fn every_promise_of_the_suites_is_a_test() {
    let list = |text: &str| -> Vec<String> {
        let (_, list) = text.split_once("! { @tests\n").unwrap();
        let (list, _) = list.split_once("\n        }").unwrap();
        list.lines()
            .map(str::trim)
            .filter(|line| line.chars().all(|c| c.is_alphanumeric() || c == '_'))
            .map(str::to_owned)
            .collect()
    };
    let functions = |texts: &[&str]| -> Vec<String> {
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.filter_map(|line| Some(line.strip_prefix("pub async fn ")?.split_once('(')?.0.to_owned())).collect()
    };
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let promises = functions(&[
        include_str!("../../src/conformance/store/audit.rs"),
        include_str!("../../src/conformance/store/commit.rs"),
        include_str!("../../src/conformance/store/list.rs"),
        include_str!("../../src/conformance/store/log.rs"),
        include_str!("../../src/conformance/store/queue.rs"),
        include_str!("../../src/conformance/store/record.rs"),
        include_str!("../../src/conformance/store/unique.rs"),
        include_str!("../../src/conformance/store/watch.rs"),
    ]);
    assert_eq!(sorted(list(include_str!("../../src/conformance/store.rs"))), sorted(promises));
    let auditor = include_str!("../../src/conformance/auditor.rs");
    assert_eq!(sorted(list(auditor)), sorted(functions(&[auditor])));
}

mod memory {
    //! The store in memory.
    use automa_core::store::MemoryStore;

    automa_core::conformance::store!(MemoryStore::new());
}

mod sled {
    //! The store on sled.
    use automa_core::store::SledStore;
    use tempfile::TempDir;

    automa_core::conformance::store!(with TempDir::new().unwrap(), |folder| SledStore::open(folder.path()).unwrap());
}

mod chain_auditor {
    //! The auditor that is a hash chain in the store.
    use automa_core::auditor::ChainAuditor;

    automa_core::conformance::auditor!(|store| ChainAuditor::new(store));
}
