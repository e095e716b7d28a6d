//! A store that gives as many bytes as it was asked for, or an error.
//!
//! A bucket answers a range beyond the end of an object with what there is. Readers of Parquet take the bytes for those
//! that they asked for, and stop the program: an object that is shorter than the ledger says would be enough for that.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// See the module. All else is passed on.
#[derive(Debug)]
pub struct Exact(pub Arc<dyn ObjectStore>);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn shorter(location: &Path, asked: &Range<u64>, given: u64) -> Error {
    let text = format!("{location} is shorter than it should be: {asked:?} were asked for, and {given} bytes given");
    Error::Generic { store: "a bucket", source: text.into() }
}

#[async_trait]
impl ObjectStore for Exact {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let asked = match &options.range {
            Some(GetRange::Bounded(range)) => Some(range.clone()),
            _ => None,
        };
        let result = self.0.get_opts(location, options).await?;
        match asked.filter(|asked| *asked != result.range) {
            Some(asked) => Err(shorter(location, &asked, result.range.end.saturating_sub(result.range.start))),
            None => Ok(result),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let given = self.0.get_ranges(location, ranges).await?;
        for (asked, bytes) in ranges.iter().zip(&given) {
            if asked.end.saturating_sub(asked.start) != bytes.len() as u64 {
                return Err(shorter(location, asked, bytes.len() as u64));
            }
        }
        Ok(given)
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_range_beyond_the_end_is_an_error() {
        let store = Exact(Arc::new(InMemory::new()));
        let path = Path::from("a");
        store.put(&path, PutPayload::from_static(b"0123456789")).await.unwrap();
        assert_eq!(store.get_range(&path, 2..10).await.unwrap(), "23456789");
        assert_eq!(store.get_ranges(&path, &[0..1, 8..10]).await.unwrap().concat(), b"089");
        assert!(store.get_range(&path, 2..11).await.is_err());
        assert!(store.get_ranges(&path, &[0..1, 8..11]).await.is_err());
    }
}
