//! When a job runs: cron, interval, once, manual, in a time zone.
