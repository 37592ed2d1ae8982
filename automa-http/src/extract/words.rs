//! What serde says of input, in the words that callers know: which field, what is wrong, what would be right.

/// The field at fault and what is wrong with it, from the path to it and serde's message.
pub(super) fn in_our_words(path: &str, message: &str) -> (String, String) {
    // serde speaks of members from outside: "missing field `name`" is said of the object, not of the name.
    let member = message.split_once(" field `").and_then(|(kind, rest)| Some((kind, rest.split_once('`')?.0)));
    match member {
        Some(("missing", name)) => (join(path, name), "is missing; give it".to_owned()),
        Some(("duplicate", name)) => (join(path, name), "is there twice; give it once".to_owned()),
        // In a query the name stands in front once more: "size: unknown field `size`".
        Some((kind, name)) if kind.ends_with("unknown") => {
            let known = message.split_once(", expected ").map(|(_, known)| known.replace('`', ""));
            let known =
                known.map_or_else(String::new, |it| format!("; known here: {}", it.trim_start_matches("one of ")));
            (join(path, name), format!("is not known here{known}"))
        }
        _ => (path.to_owned(), of_type(message)),
    }
}

/// "invalid type: integer `3`, expected a string" as "must be a string, not the integer `3`".
fn of_type(message: &str) -> String {
    let parts = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = parts.and_then(|rest| rest.split_once(", expected ")) else {
        return message.to_owned();
    };
    let expected = match expected {
        "u32" | "u64" | "usize" => "a whole number from 0 on",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    format!("must be {expected}, not {found}")
}

/// The path to a member; for an unknown one, the path may lead there already.
fn join(path: &str, name: &str) -> String {
    if path.is_empty() || path == name {
        name.to_owned()
    } else if path.ends_with(&format!(".{name}")) {
        path.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
