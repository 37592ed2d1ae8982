//! The suite for sandboxes: one function per promise of [`Sandbox`].
//!
//! Each takes a sandbox and runs scripts in it. A promise about time is checked with a second to spare, because the
//! machine may have other things to do; the promise itself is 100 ms.

mod endings;
mod files;
mod given;
mod limits;
mod output;
mod seen;
mod walls;

pub use self::endings::*;
pub use self::files::*;
pub use self::limits::*;
pub use self::output::*;
pub use self::seen::*;
pub use self::walls::*;

#[expect(unused_imports, reason = "the documentation links to it")]
use crate::sandbox::Sandbox;

/// Makes one test of each promise of a sandbox.
///
/// `sandbox!(expression)`: the expression makes a sandbox; it may `.await`.
#[doc(hidden)]
#[macro_export]
macro_rules! __sandbox_suite {
    (@tests $made:tt $($name:ident)*) => {
        $($crate::__sandbox_suite! { @test $made $name })*
    };
    (@test [$sandbox:expr] $name:ident) => {
        #[test]
        fn $name() {
            $crate::conformance::run(async {
                let sandbox: ::std::sync::Arc<dyn $crate::sandbox::Sandbox> = ::std::sync::Arc::new($sandbox);
                $crate::conformance::sandbox::$name(sandbox).await;
            });
        }
    };
    ($sandbox:expr) => {
        $crate::__sandbox_suite! { @tests
            [$sandbox]
            // How a run ends.
            a_script_that_runs_to_its_end_is_code_0
            sys_exit_gives_the_code
            sys_exit_with_a_text_prints_it_and_is_code_1
            os_exit_gives_the_code_without_clean_up
            an_uncaught_exception_is_code_1_and_a_traceback
            a_traceback_shows_nothing_of_the_sandbox
            a_syntax_error_shows_its_line
            causes_and_groups_are_shown_whole
            an_exception_that_cannot_be_printed_is_still_a_failure
            every_kind_of_exception_is_code_1
            deep_recursion_is_the_scripts_own_failure
            an_interpreter_that_aborts_is_the_scripts_own_failure
            clean_up_runs_at_the_end
            odd_scripts_are_no_fault_of_ours
            // Output.
            output_arrives_while_the_script_runs
            stdout_and_stderr_are_told_apart
            output_is_byte_exact
            print_and_os_write_keep_their_order
            large_output_arrives_whole_and_in_order
            output_over_the_limit_ends_the_run
            a_slow_reader_makes_the_script_wait
            a_reader_that_goes_away_does_not_stop_the_run
            what_is_printed_controls_nothing
            usage_is_counted
            // Limits.
            too_much_memory_ends_the_run
            a_memory_error_can_be_caught
            the_time_limit_ends_a_script_that_sleeps
            the_time_limit_ends_a_script_that_computes
            the_time_limit_ends_a_script_that_prints
            the_time_limit_ends_a_script_inside_one_long_call
            the_time_limit_ends_clean_up_that_hangs
            cancelling_ends_a_script_that_sleeps
            cancelling_ends_a_script_that_computes
            cancelling_ends_a_script_that_prints
            a_run_that_is_cancelled_before_it_starts_does_not_start
            a_dropped_run_ends
            output_and_result_from_before_the_end_are_kept
            // Files.
            scratch_holds_files_and_folders
            the_working_folder_is_scratch
            nothing_but_scratch_can_be_written
            scratch_bytes_are_limited
            scratch_files_are_limited
            a_file_of_a_pebibyte_is_refused
            nothing_survives_a_run
            // What a script sees.
            the_environment_is_exactly_what_was_given
            config_input_and_execution_are_there
            main_is_called_with_the_input
            main_may_be_async
            a_main_that_does_not_fit_the_input_says_how
            a_script_that_starts_itself_is_not_started_twice
            set_result_gives_the_result
            a_result_that_is_not_json_is_a_clear_error
            a_result_is_kept_when_the_script_fails_after_it
            any_text_goes_in_and_out
            the_script_is_the_main_module
            stdin_is_empty
            // Walls.
            concurrent_runs_do_not_see_each_other
            random_numbers_differ_from_run_to_run
            there_is_no_network
            the_machine_cannot_be_seen
            what_cannot_be_enforced_is_refused
            a_script_cannot_forge_how_it_ended
            a_run_after_a_hostile_one_is_untouched
            the_probe_says_that_it_works
        }
    };
}
