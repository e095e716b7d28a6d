//! One source object, decoded as its bytes come.

use std::io;

use crate::decode::{self, DecodeError, Decoder, Sink, Verdict};
use crate::fetch::{Body, FetchError};
use crate::lake::Digesting;
use crate::source::Object;

/// Why an object was not decoded to its end. It says nothing of its content.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Its rows could not be taken.
    #[error(transparent)]
    Sink(io::Error),
}

/// Decodes an object, and hands its rows to `sink`. What is read goes into `digesting` as well.
///
/// # Errors
/// If the store fails in the middle of it, or the sink does.
pub fn decode_object(
    decoder: &mut Decoder,
    object: &Object,
    body: Body,
    digesting: Option<&mut Digesting>,
    sink: &mut dyn Sink,
) -> Result<Verdict, ReadError> {
    let mut decode = |body| {
        let Object { delivered, in_flow_log_prefix, log, .. } = *object;
        decoder.object(decode::Source { body, delivered, in_flow_log_prefix, log }, sink)
    };
    let verdict = match (body, digesting) {
        (Body::Whole(bytes), digesting) => {
            if let Some(digesting) = digesting {
                digesting.add(&bytes);
            }
            decode(decode::Body::Whole(&bytes))
        }
        (Body::Stream(mut reader), Some(digesting)) => {
            decode(decode::Body::Stream(&mut digesting.reading(&mut reader)))
        }
        (Body::Stream(mut reader), None) => decode(decode::Body::Stream(&mut reader)),
    };
    verdict.map_err(|error| match error {
        DecodeError::Sink(error) => ReadError::Sink(error),
        DecodeError::Read(error) => {
            let fault = FetchError::of(&error).cloned();
            ReadError::Fetch(fault.unwrap_or_else(|| FetchError::Transient { detail: error.to_string() }))
        }
    })
}
