//! The examples keep what they promise: the store of one's own passes the whole conformance suite.

mod metered_store;
