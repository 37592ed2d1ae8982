//! The suite for stores: one function per promise of [`Store`](crate::store::Store).
//!
//! Each takes an empty store of its own.

mod audit;
mod commit;
mod list;
mod log;
mod queue;
mod record;
mod unique;
mod watch;

pub use self::audit::*;
pub use self::commit::*;
pub use self::list::*;
pub use self::log::*;
pub use self::queue::*;
pub use self::record::*;
pub use self::unique::*;
pub use self::watch::*;

/// Makes one test of each promise of a store.
///
/// `store!(expression)`: the expression makes a new, empty store; it may `.await`.
///
/// `store!(with keep, |kept| expression)`: the same with something that must live as long as the store, such as a
/// temporary folder.
#[doc(hidden)]
#[macro_export]
macro_rules! __store_suite {
    (@tests $made:tt $($name:ident)*) => {
        $($crate::__store_suite! { @test $made $name })*
    };
    (@test [$keep:expr, $kept:ident, $store:expr] $name:ident) => {
        #[test]
        fn $name() {
            $crate::conformance::run(async {
                let $kept = $keep;
                let store: ::std::sync::Arc<dyn $crate::store::Store> = ::std::sync::Arc::new($store);
                $crate::conformance::store::$name(store).await;
            });
        }
    };
    (with $keep:expr, |$kept:ident| $store:expr) => {
        $crate::__store_suite! { @tests
            [$keep, $kept, $store]
            // Records.
            every_kind_of_record_comes_back_as_it_was_written
            values_of_any_size_come_back
            any_text_comes_back
            // Commits.
            a_batch_is_applied_whole_or_not_at_all
            an_empty_batch_changes_nothing
            the_first_state_has_revision_1_and_each_update_adds_1
            a_stale_update_is_refused
            of_two_updates_of_one_revision_one_wins
            what_is_missing_cannot_be_updated_or_deleted
            an_id_is_inserted_once
            a_version_never_changes
            a_required_record_must_exist
            what_must_not_match_must_not_match
            checks_see_the_writes_before_them
            what_is_deleted_takes_its_own_along
            reads_see_every_commit_that_returned
            // Unique values.
            a_name_is_given_once
            of_many_who_want_one_name_one_gets_it
            a_name_is_free_again_after_a_rename_or_a_deletion
            an_occurrence_has_one_execution_per_attempt
            // Lists.
            each_list_holds_what_matches
            lists_are_ordered_by_age
            lists_by_instant_are_ordered_by_it
            lists_follow_updates
            pages_walk_the_whole_list_once
            newest_first_is_the_reverse
            a_page_has_at_most_its_limit
            a_cursor_of_another_list_is_refused
            // The queue.
            claim_gives_the_longest_available_first
            claim_gives_nothing_before_its_time
            claim_gives_each_execution_to_one_caller
            each_claim_has_a_new_fence_and_is_recorded
            a_claim_without_work_changes_nothing
            leases_are_listed_by_their_end
            // Output.
            output_is_read_back_in_order
            output_is_read_in_bounded_pieces
            output_may_be_any_bytes_of_any_size
            output_of_a_stale_worker_is_refused
            // Audit.
            audit_events_come_back_as_they_were_written
            audit_events_are_chained_without_a_gap
            audit_events_of_one_thing_are_found
            the_audit_head_is_the_newest_event
            a_refused_batch_leaves_no_audit_event
            // Watching.
            a_watcher_wakes_when_an_execution_is_queued
            a_watcher_wakes_when_a_job_changes
            a_watcher_wakes_when_its_execution_goes_on
            a_watcher_misses_nothing_between_two_waits
        }
    };
    ($store:expr) => {
        $crate::__store_suite!(with (), |_kept| $store);
    };
}
