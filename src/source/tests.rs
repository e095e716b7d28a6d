use std::sync::Arc;

use chrono::NaiveDate;
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

use super::*;

const FILE: &str = "111111111111_vpcflowlogs_us-gov-west-1_fl-05f57cebeaa68cbdb_20250212T1050Z_884a1fb8.log.gz";

/// What a source consists of, with its loose objects by key.
struct Met {
    found: Discovery,
    loose: Vec<Object>,
}

impl std::ops::Deref for Met {
    type Target = Discovery;

    fn deref(&self) -> &Discovery {
        &self.found
    }
}

async fn met(store: &Store, filter: &Filter) -> Result<Met> {
    let loose = std::sync::Mutex::new(Vec::new());
    let found = find_chains(store, filter, &|objects| loose.lock().unwrap().extend(objects)).await?;
    let mut loose = loose.into_inner().unwrap();
    loose.sort_unstable_by(|a: &Object, b| a.key.cmp(&b.key));
    Ok(Met { found, loose })
}

fn day(text: &str) -> Option<NaiveDate> {
    (text != "-").then(|| text.parse().unwrap())
}

/// Key, account, region, day, hour, below a flow log prefix; `-` is none and `FILE` stands for [`FILE`].
const LAYOUTS: &str = "
AWSLogs/222222222222/vpcflowlogs/eu-west-3/2024/05/01/FILE 222222222222 eu-west-3 2024-05-01 - yes
AWSLogs/222222222222/vpcflowlogs/eu-west-3/2025/02/12/FILE 222222222222 eu-west-3 2025-02-12 10 yes
AWSLogs/222222222222/vpcflowlogs/eu-west-3/2024/05/01/23/x.gz 222222222222 eu-west-3 2024-05-01 23 yes
a/b/AWSLogs/o-ab12cd34ef/222222222222/vpcflowlogs/eu-west-3/2024/05/01/x 222222222222 eu-west-3 2024-05-01 - yes
AWSLogs/aws-account-id=222222222222/aws-service=vpcflowlogs/aws-region=eu-west-3/year=2024/month=05/day=01/x 222222222222 eu-west-3 2024-05-01 - yes
AWSLogs/aws-account-id=222222222222/service=vpcflowlogs/aws-region=eu-west-3/year=2024/month=05/day=01/hour=07/x 222222222222 eu-west-3 2024-05-01 7 yes
333333333333/vpc/AWSLogs/222222222222/vpcflowlogs/eu-west-3/2024/05/01/x 222222222222 eu-west-3 2024-05-01 - yes
AWSLogs/old/AWSLogs/222222222222/vpcflowlogs/eu-west-3/x.gz 222222222222 eu-west-3 - - yes
AWSLogs/222222222222/vpcflowlogs/x.gz 222222222222 - - - no
AWSLogs/222222222222/CloudTrail/eu-west-3/2024/05/01/x 222222222222 - 2024-05-01 - no
FILE 111111111111 us-gov-west-1 2025-02-12 10 no
copies/of_FILE - us-gov-west-1 2025-02-12 10 no
fh/2024/05/01/03/stream-1-2024-05-01-03-00-00-uuid.gz - - 2024-05-01 3 no
2023/01/01/2024/05/01/x.gz - - 2024-05-01 - no
2024/02/30/x.gz - - - - no
2024/05/01/24/x.gz - - 2024-05-01 - no
2024/5/1/x.gz - - - - no
year=2024/05/01/x.gz - - - - no
２０２４/05/01/x.gz - - - - no
aws-account-id=/x - - - - no
AWSLogs - - - - no
AWSLogs//vpcflowlogs//2024/05/01/x - - 2024-05-01 - no
1_vpcflowlogs_r_fl-1_20259912T1050Z_h.gz - - - - no
111111111111_vpcflowlogs_r_fl-1_20250212T2460Z_h.gz - - - - no
111111111111_vpcflowlogs__fl-1_20250212T1050Z_h.gz - - - - no
_____ - - - - no
/ - - - - no
";

#[test]
fn every_layout_gives_its_facts() {
    for line in LAYOUTS.trim().lines() {
        let line = line.replace("FILE", FILE);
        let columns: Vec<&str> = line.split(' ').collect();
        let facts = Facts::of(columns[0]);
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        assert_eq!(text(&facts.account), columns[1], "{line}");
        assert_eq!(text(&facts.region), columns[2], "{line}");
        assert_eq!(facts.day, day(columns[3]), "{line}");
        assert_eq!(facts.hour.map_or("-".to_owned(), |hour| hour.to_string()), columns[4], "{line}");
        assert_eq!(facts.in_flow_log_prefix, columns[5] == "yes", "{line}");
    }
    let facts = Facts::of(FILE);
    assert_eq!(facts.log_id.as_deref(), Some("fl-05f57cebeaa68cbdb"));
    assert_eq!(facts.slot, Some(1_739_357_400));
}

#[test]
fn locations_are_canonical_and_know_each_other() {
    let url = |text: &str| Location::parse(text).unwrap().url();
    assert_eq!(url("s3://b"), "s3://b/");
    assert_eq!(url("s3://b/a b/100%25"), "s3://b/a b/100%25/");
    assert_eq!(url("s3://b/a//"), "s3://b/a//");
    assert_eq!(url("/no/such/../thing/"), "file:///no/thing/");
    assert_eq!(url("file:///no/a%20b"), "file:///no/a%20b/");
    assert!(url("relative").starts_with("file:///"));
    let lake = Location::parse("s3://b/lake").unwrap();
    assert_eq!(lake.join("x/y.parquet"), "s3://b/lake/x/y.parquet");
    let contains = |a: &str, b: &str| Location::parse(a).unwrap().contains(&Location::parse(b).unwrap());
    assert!(contains("s3://b", "s3://b/lake") && contains("s3://b/lake", "s3://b/lake/"));
    assert!(!contains("s3://b/lake", "s3://b/lake2") && !contains("s3://b/lake", "s3://c/lake/x"));
    assert!(!contains("s3://b", "/b"));
    for wrong in ["", "gs://b/x", "s3://", "s3:///x", "file://host/x", "s3://b?x/y"] {
        assert!(Location::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn odd_keys_survive_the_path_of_a_store() {
    let odd =
        ["a//b", "/a", "a/", "a/../b", "./a", "tab\there", " a", "a ", "m\u{F8F0}", "\u{F8F0}", "%2F#?", "é/\u{7f}"];
    let mut paths = std::collections::BTreeSet::new();
    for key in odd {
        let path = store_path_of(key);
        assert_eq!(verbatim::key_of(&path), key, "{key:?}");
        assert!(paths.insert(path));
    }
}

proptest::proptest! {
    #[test]
    fn any_key_survives_and_stays_unique(key in "[a./ \\n%\u{F8F0}\u{3000}é]{0,12}", other in "[a./ \\n\u{F8F0}\u{F930}`]{0,6}") {
        let (path, second) = (store_path_of(&key), store_path_of(&other));
        proptest::prop_assert_eq!(verbatim::key_of(&path), key.as_str());
        proptest::prop_assert_eq!(path == second, key == other);
        let _ = Facts::of(&key);
    }
}

async fn bucket(keys: &[&str]) -> Store {
    let store = Store::new(Arc::new(InMemory::new()), Location::parse("s3://logs").unwrap());
    for key in keys {
        store.store.put(&store_path_of(key), b"gz".as_slice().into()).await.unwrap();
    }
    store
}

fn at(store: &Store, url: &str) -> Store {
    Store { location: Location::parse(url).unwrap(), ..store.clone() }
}

async fn listed(store: &Store, chain: &Chain, from: &str, until: &str) -> Vec<String> {
    let batches: Vec<Batch> = list_chain(store, chain, day(from), day(until)).try_collect().await.unwrap();
    batches.into_iter().flat_map(|batch| batch.objects).map(|object| object.key).collect()
}

const TREE: [&str; 14] = [
    "AWSLogs/111111111111/CloudTrail/us-east-1/2024/05/01/t.json.gz",
    "AWSLogs/111111111111/Config/x",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/04/30/a.gz",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/01/23/b.gz",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/02/c.gz",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/02/d.log.parquet",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/03/e.gz",
    "AWSLogs/111111111111/vpcflowlogs/us-east-1/undated.gz",
    "AWSLogs/aws-account-id=222222222222/aws-service=vpcflowlogs/aws-region=eu-west-3/year=2024/month=05/day=01/h.gz",
    "AWSLogs/aws-account-id=222222222222/aws-service=vpcflowlogs/aws-region=eu-west-3/year=2024/month=05/day=02/h.gz",
    "AWSLogs/o-abcdefghij/333333333333/vpcflowlogs/us-west-2/2024/05/01/o.gz",
    "team//AWSLogs/444444444444/vpcflowlogs/us-east-1/2024/05/01/p.gz",
    "free/2024/05/01/f.gz",
    "free/loose.gz",
];

#[tokio::test]
async fn chains_are_found_and_other_services_are_only_named() {
    let store = bucket(&TREE).await;
    let found = met(&store, &Filter::default()).await.unwrap();
    let prefixes: Vec<&str> = found.chains.iter().map(|chain| chain.prefix.as_str()).collect();
    assert_eq!(
        prefixes,
        [
            "AWSLogs/111111111111/vpcflowlogs/us-east-1/",
            "AWSLogs/aws-account-id=222222222222/aws-service=vpcflowlogs/aws-region=eu-west-3/",
            "AWSLogs/o-abcdefghij/333333333333/vpcflowlogs/us-west-2/",
            "free/2024/",
            "team//AWSLogs/444444444444/vpcflowlogs/us-east-1/",
        ]
    );
    assert_eq!(found.other_services.iter().collect::<Vec<_>>(), ["CloudTrail", "Config"]);
    assert_eq!(found.loose.iter().map(|object| object.url.as_str()).collect::<Vec<_>>(), ["s3://logs/free/loose.gz"]);
    assert_eq!(found.chains[1].style, Style::Hive);
}

#[tokio::test]
async fn a_chain_is_listed_between_days_and_what_is_undated_comes_too() {
    let store = bucket(&TREE).await;
    let found = met(&store, &Filter::default()).await.unwrap();
    let names =
        |keys: Vec<String>| keys.iter().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>();
    let plain = &found.chains[0];
    assert_eq!(names(listed(&store, plain, "-", "-").await), ["a.gz", "b.gz", "c.gz", "e.gz", "undated.gz"]);
    assert_eq!(names(listed(&store, plain, "2024-05-01", "-").await), ["b.gz", "c.gz", "e.gz", "undated.gz"]);
    assert_eq!(names(listed(&store, plain, "2024-05-01", "2024-05-01").await), ["b.gz", "undated.gz"]);
    assert_eq!(names(listed(&store, plain, "2025-01-01", "-").await), ["undated.gz"]);
    let hive = &found.chains[1];
    assert_eq!(listed(&store, hive, "2024-05-02", "-").await.len(), 1);
    assert_eq!(listed(&store, hive, "-", "2024-05-01").await.len(), 1);
    assert_eq!(listed(&store, &found.chains[3], "2024-05-02", "-").await.len(), 0);
    assert_eq!(listed(&store, &found.chains[4], "2024-05-01", "-").await.len(), 1);
}

#[tokio::test]
async fn a_source_may_name_any_folder_or_one_object() {
    let store = bucket(&TREE).await;
    for (url, chains, loose) in [
        ("s3://logs/AWSLogs/", 3, 0),
        ("s3://logs/AWSLogs/o-abcdefghij", 1, 0),
        ("s3://logs/AWSLogs/111111111111", 1, 0),
        ("s3://logs/AWSLogs/111111111111/vpcflowlogs/", 1, 0),
        ("s3://logs/AWSLogs/111111111111/vpcflowlogs/us-east-1", 1, 0),
        ("s3://logs/AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/02", 1, 0),
        ("s3://logs/AWSLogs/111111111111/CloudTrail", 0, 0),
        ("s3://logs/free", 1, 1),
        ("s3://logs/free/2024/05", 1, 0),
        ("s3://logs/free/loose.gz", 0, 1),
    ] {
        let found = met(&at(&store, url), &Filter::default()).await.unwrap();
        assert_eq!((found.chains.len(), found.loose.len()), (chains, loose), "{url}");
    }
    let missing = met(&at(&store, "s3://logs/typo"), &Filter::default()).await;
    assert!(matches!(missing, Err(SourceError::Missing { .. })));
    let one_day = at(&store, "s3://logs/AWSLogs/111111111111/vpcflowlogs/us-east-1/2024/05/02");
    let chain = &met(&one_day, &Filter::default()).await.unwrap().chains[0];
    assert_eq!(chain.account.as_deref(), Some("111111111111"));
    assert_eq!(listed(&one_day, chain, "2024-05-01", "-").await.len(), 1);
    assert_eq!(listed(&one_day, chain, "2024-05-02", "2024-05-09").await.len(), 1);
    assert_eq!(listed(&one_day, chain, "2024-05-03", "-").await.len(), 0);
    assert_eq!(listed(&one_day, chain, "-", "2024-05-01").await.len(), 0);
}

#[tokio::test]
async fn filters_keep_folders_from_being_listed() {
    let store = bucket(&TREE).await;
    let filter = Filter { accounts: ["222222222222".to_owned()].into(), ..Filter::default() };
    let found = met(&store, &filter).await.unwrap();
    assert_eq!(found.chains.iter().filter(|chain| chain.account.is_some()).count(), 1);
    assert_eq!(found.skipped.count(Reason::Filtered), 5, "{:?}", found.skipped);
    let filter = Filter { regions: ["us-west-2".to_owned()].into(), ..Filter::default() };
    let found = met(&store, &filter).await.unwrap();
    assert_eq!(found.chains.iter().filter(|chain| chain.region.is_some()).count(), 1);
}

#[tokio::test]
async fn a_last_day_hides_no_earlier_day_behind_it() {
    let region = "AWSLogs/111111111111/vpcflowlogs/us-east-1";
    let named = |folder: &str, account: &str, day: &str| {
        format!("{region}/{folder}{account}_vpcflowlogs_us-east-1_fl-0a_{day}T0000Z_0000000a.log.gz")
    };
    let names = |keys: &[String]| keys.iter().map(|key| key[region.len() + 1..].to_owned()).collect::<Vec<_>>();
    // Months without days: the order of keys is that of accounts. A flat copy of two files beside, around the years.
    let keys = [
        named("", "111111111111", "20240502"),
        named("2024/05/", "111111111111", "20240530"),
        named("2024/05/", "222222222222", "20240501"),
        format!("{region}/2024/undated.gz"),
        named("", "999999999999", "20240503"),
    ];
    let store = bucket(&keys.each_ref().map(String::as_str)).await;
    let chain = &met(&store, &Filter::default()).await.unwrap().chains[0];
    let found = listed(&store, chain, "-", "2024-05-15").await;
    assert_eq!(names(&found), names(&[0, 2, 3, 4].map(|at| keys[at].clone())));

    // In AWS's own layout a year is passed over at its first late key, and what lies outside of years is not.
    let late = (1..=2100).map(|n| format!("{region}/2024/06/01/{n:05}.gz"));
    let mut keys: Vec<String> = late.collect();
    keys.extend(
        ["2024/05/01/a.gz", "2024/06/30/z.gz", "2025/01/01/b.gz", "202499.gz"].map(|key| format!("{region}/{key}")),
    );
    keys.push(named("", "999999999999", "20240503"));
    let store = bucket(&keys.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let chain = &met(&store, &Filter::default()).await.unwrap().chains[0];
    let batches: Vec<Batch> = list_chain(&store, chain, None, day("2024-05-31")).try_collect().await.unwrap();
    let found: Vec<String> = batches.iter().flat_map(|batch| &batch.objects).map(|object| object.key.clone()).collect();
    let wanted = [format!("{region}/2024/05/01/a.gz"), format!("{region}/202499.gz"), keys.last().unwrap().clone()];
    assert_eq!(names(&found), names(&wanted));
    let filtered: u64 = batches.iter().map(|batch| batch.skipped.count(Reason::Filtered)).sum();
    assert_eq!(filtered, 0, "late keys are passed over, not looked at");
}

#[tokio::test]
async fn a_free_folder_is_listed_to_its_end() {
    let store =
        bucket(&["free/2024/05/01/2024/06/01/a.gz", "free/2024/05/02/b.gz", "free/2024/06/01/2024/05/03/c.gz"]).await;
    let chain = &met(&store, &Filter::default()).await.unwrap().chains[0];
    let found = listed(&store, chain, "-", "2024-05-31").await;
    assert_eq!(found, ["free/2024/05/02/b.gz", "free/2024/06/01/2024/05/03/c.gz"]);
}

#[tokio::test]
async fn accounts_and_regions_are_chosen_in_free_folders_too() {
    let named = |folder: &str, account: &str, day: &str| {
        format!("free/{folder}{account}_vpcflowlogs_us-east-1_fl-0a_{day}T0000Z_0000000a.log.gz")
    };
    let keys = [
        named("2024/05/01/", "111111111111", "20240501"),
        named("2024/05/01/", "222222222222", "20240501"),
        named("2024/05/02/07/", "111111111111", "20240502"),
        named("year=2024/month=06/day=01/", "111111111111", "20240601"),
        "free/2024/05/01/nobody.gz".to_owned(),
    ];
    let store = bucket(&keys.each_ref().map(String::as_str)).await;
    let chosen = |since: &str, until: &str| Filter {
        accounts: ["111111111111".to_owned()].into(),
        since: day(since),
        until: day(until),
        ..Filter::default()
    };
    let found = met(&store, &chosen("-", "-")).await.unwrap();
    // A chain would have a frontier, which would hide the others from the next run.
    assert!(found.chains.is_empty(), "{:?}", found.chains);
    let names = |met: Met| met.loose.into_iter().map(|object| object.key).collect::<Vec<_>>();
    assert_eq!(names(found), [&keys[0], &keys[2], &keys[3]].map(String::clone));
    for (since, until, wanted) in [
        ("2024-05-02", "-", vec![&keys[2], &keys[3]]),
        ("-", "2024-05-01", vec![&keys[0]]),
        ("2024-05-02", "2024-05-31", vec![&keys[2]]),
        ("2025-01-01", "-", vec![]),
    ] {
        let found = met(&store, &chosen(since, until)).await.unwrap();
        assert_eq!(names(found), wanted.into_iter().cloned().collect::<Vec<_>>(), "{since} {until}");
    }
    let filter = Filter { regions: ["eu-west-1".to_owned()].into(), ..Filter::default() };
    assert!(met(&store, &filter).await.unwrap().loose.is_empty());
    assert_eq!(met(&store, &Filter::default()).await.unwrap().chains.len(), 2);
}

async fn on_disk(path: &std::path::Path) -> Store {
    open(&Location::parse(path.to_str().unwrap()).unwrap(), &Access::default()).await.unwrap()
}

fn write(root: &std::path::Path, key: &str) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, "gz").unwrap();
}

#[tokio::test]
async fn a_disk_is_listed_like_a_bucket_whatever_the_names() {
    let folder = tempfile::tempdir().unwrap();
    for key in TREE.iter().filter(|key| !key.contains("//")) {
        write(folder.path(), key);
    }
    for odd in ["odd/a#1", "odd/a b%41.gz", "odd/é.gz", "odd/x..", "odd/new\nline"] {
        write(folder.path(), odd);
    }
    let store = on_disk(folder.path()).await;
    let found = met(&store, &Filter::default()).await.unwrap();
    assert_eq!(found.chains.len(), 4);
    let names: Vec<&str> = found.loose.iter().map(|object| object.key.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["loose.gz", "a b%41.gz", "a#1", "new\nline", "x..", "é.gz"]);
    assert_eq!(found.loose[0].url, format!("{}free/loose.gz", store.location.url()));
    let keys = listed(&store, &found.chains[0], "2024-05-01", "2024-05-02").await;
    assert_eq!(keys.len(), 3, "{keys:?}");
    let one = on_disk(&folder.path().join("odd/a#1")).await;
    assert_eq!(met(&one, &Filter::default()).await.unwrap().loose.len(), 1);
    assert!(!one.location.url().ends_with('/'));
    let missing = on_disk(&folder.path().join("nothing")).await;
    assert!(matches!(met(&missing, &Filter::default()).await, Err(SourceError::Missing { .. })));
}

#[tokio::test]
async fn links_neither_loop_nor_double() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(inside.path(), "logs/a.gz");
    write(outside.path(), "b.gz");
    let link =
        |target: &std::path::Path, name: &str| std::os::unix::fs::symlink(target, inside.path().join(name)).unwrap();
    link(inside.path(), "logs/loop");
    link(&inside.path().join("logs/a.gz"), "again.gz");
    link(outside.path(), "elsewhere");
    link(&outside.path().join("gone"), "broken.gz");
    let store = on_disk(inside.path()).await;
    let found = met(&store, &Filter::default()).await.unwrap();
    let mut names: Vec<&str> = found.loose.iter().map(|object| object.key.rsplit('/').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a.gz", "b.gz"]);
    assert_eq!([Reason::Link, Reason::Dangling].map(|reason| found.skipped.count(reason)), [2, 1]);
}

/// Whatever way leads to a file outside of the source, it is one object, with the facts of its own path.
#[tokio::test]
async fn a_linked_file_is_one_object_over_every_link() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let real = outside.path().canonicalize().unwrap();
    write(outside.path(), "sub/b.gz");
    let link = |target: &std::path::Path, name: &str| {
        let path = inside.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    };
    link(&real, "one/way");
    link(&real.join("sub"), "another");
    link(&real.join("sub/b.gz"), "c.gz");
    link(&real, "2024/05/01");
    // Both would come back to where they began.
    link(inside.path(), "one/back");
    std::os::unix::fs::symlink(&real, real.join("sub/round")).unwrap();
    let store = on_disk(inside.path()).await;
    let found = met(&store, &Filter::default()).await.unwrap();
    let mut objects = found.loose.clone();
    assert_eq!(found.chains.len(), 1);
    let batches: Vec<Batch> = list_chain(&store, &found.chains[0], None, None).try_collect().await.unwrap();
    let linked: Vec<Object> = batches.into_iter().flat_map(|batch| batch.objects).collect();
    objects.extend(linked);
    assert_eq!(objects.len(), 4);
    let url = format!("file://{}/sub/b.gz", real.display());
    for object in &objects {
        assert_eq!((object.url.as_str(), local_path_of(&object.key)), (url.as_str(), real.join("sub/b.gz")));
        assert_eq!(object.day, None, "the day of a link would file one object under several days");
    }
    let itself = met(&on_disk(&real).await, &Filter::default()).await.unwrap();
    assert_eq!(itself.loose.iter().map(|object| &object.url).collect::<Vec<_>>(), [&url]);
}

#[tokio::test]
async fn objects_are_left_out_by_name_with_a_reason() {
    let store =
        bucket(&["a/aws-logs-write-test", "a/x.log.parquet", "a/.gz", "marker/", "up/../x.gz", "a/.x.gz.aBcDeF"]).await;
    store.store.put(&store_path_of("a/empty.gz"), object_store::PutPayload::new()).await.unwrap();
    let found = met(&store, &Filter::default()).await.unwrap();
    // An empty one may be known: who does not look into a ledger leaves it out.
    assert_eq!(found.loose.len(), 2);
    let mut met = 0;
    let count = |objects: Vec<Object>| {
        met += objects.len();
        Ok::<_, SourceError>(())
    };
    let whole = list_whole(&store, count).await.unwrap();
    assert_eq!((met, whole.skipped.count(Reason::Empty)), (1, 1));
    const REASONS: [Reason; 5] =
        [Reason::WriteTest, Reason::Parquet, Reason::FolderMarker, Reason::Unreachable, Reason::Unfinished];
    for reason in REASONS {
        assert_eq!(found.skipped.count(reason), 1, "{reason:?}");
    }
    assert_eq!(found.skipped.total(), REASONS.len() as u64);
}

#[tokio::test]
async fn options_of_s3_do_not_fit_a_disk() {
    let access = Access::parse(&["region=x"]).unwrap();
    let error = open(&Location::parse("/tmp").unwrap(), &access).await.unwrap_err();
    assert!(matches!(error, SourceError::OptionLocal { .. }));
}

#[test]
fn whoever_may_not_read_is_told_of_the_rights_of_that_store() {
    let denied = || object_store::Error::PermissionDenied { path: "lake/x".to_owned(), source: "os error 13".into() };
    for (url, told, other) in
        [("file:///lake/x", "right to read", "s3:"), ("s3://b/lake/x", "s3:GetObject", "the user")]
    {
        let error = SourceError::from_store(&denied(), url, "b").to_string();
        assert!(error.contains(told) && !error.contains(other) && error.contains(url), "{error}");
    }
}
