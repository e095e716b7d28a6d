//! A value whose type the compiler does not look into.
//!
//! Before a future may go to another thread, the compiler proves it of everything that the future holds. The engine's
//! types hold the parser's whole tree, and each async method of a trait is a proof of its own: ten methods took two
//! thirds of the time of compiling this crate. Behind a `Veiled` the proof ends at once.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// A shared `T`.
pub(crate) struct Veiled<T> {
    value: Arc<dyn Any + Send + Sync>,
    holds: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> Veiled<T> {
    pub(crate) fn new(value: T) -> Veiled<T> {
        Veiled { value: Arc::new(value), holds: PhantomData }
    }
}

impl<T: 'static> Deref for Veiled<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.downcast_ref().expect("made of a `T`")
    }
}

impl<T> Clone for Veiled<T> {
    fn clone(&self) -> Veiled<T> {
        Veiled { value: Arc::clone(&self.value), holds: PhantomData }
    }
}

impl<T: fmt::Debug + 'static> fmt::Debug for Veiled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
