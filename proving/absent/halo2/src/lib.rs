//! Nothing. The published crate of this name is a name without code, under a licence for Zcash's own projects alone; a dependency of the proving
//! system asks for it and uses nothing of it.
