//! Assembly: opens the journal, recovers the state, and starts what the configuration asks for.

mod fold;
