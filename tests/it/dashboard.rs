//! The dashboard page: what is in it without a browser, and what Chromium makes of it.

use std::collections::BTreeMap;
use std::process::Command;

use crate::lab::Lab;

const DEFAULT: &str = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status";

/// A source that would be a script, if the page took it for one.
const HOSTILE: &str = "</script><script>document.title='owned'</script><img/src=x/onerror=alert(1)>";

fn lab() -> Lab {
    let lab = Lab::on_disk();
    let mut text = format!("{DEFAULT}\n");
    for row in 0..400_i64 {
        let start = 1_694_563_200 + row * 31;
        let source = if row % 50 == 7 { HOSTILE.to_owned() } else { format!("198.51.100.{}", row % 9) };
        let action = if row % 4 == 0 { "REJECT" } else { "ACCEPT" };
        text += &format!(
            "2 111122223333 eni-{} {source} 10.0.0.{} {} {} {} 3 {} {start} {start} {action} OK\n",
            row % 5,
            row % 11,
            40_000 + row,
            [22, 443, 3389, 53][row as usize % 4],
            if row % 4 == 3 { 17 } else { 6 },
            100 + row * row
        );
    }
    // Block Public Access records without bytes: the sum of such a pair is null.
    text += "2 111122223333 eni-9 203.0.113.77 10.0.0.1 40000 443 6 1 - 1694563200 1694563260 REJECT OK\n";
    text += "2 111122223333 eni-9 - - - - - - - 1694563200 1694563260 - NODATA\n";
    lab.put_gz("logs/a.log.gz", &text);
    lab.convert(&[], 0);
    lab
}

fn page(lab: &Lab, more: &[&str]) -> String {
    let file = lab.temporary().join("page.html");
    let said = lab.run(&[&["dashboard", "{}lake", "--output", &file.display().to_string()], more].concat());
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{}", said.stderr);
    std::fs::read_to_string(file).expect("the page")
}

/// The rows that the page holds, by report.
fn held(page: &str) -> serde_json::Value {
    let data = page.split(r#"<script type="application/json" id="data">"#).nth(1).expect("data");
    serde_json::from_str(data.split("</script>").next().expect("its end")).expect("JSON")
}

#[test]
fn the_page_holds_the_rows_of_the_reports_and_nothing_from_elsewhere() {
    let lab = lab();
    let page = page(&lab, &[]);
    let data = held(&page);
    for (name, more) in [
        ("totals", vec![]),
        ("traffic-by-service", vec!["--top", "40"]),
        ("rejected-by-port", vec!["--top", "12"]),
        ("top-talkers", vec!["--top", "12"]),
        ("rejected-by-source", vec!["--top", "12"]),
        ("bytes-by-pair", vec!["--top", "30"]),
        ("protocols", vec![]),
        ("log-health", vec![]),
        ("accept-reject-by-minute", vec!["--param", "bucket=minute"]),
    ] {
        let said = lab.run(&[&["report", "{}lake", name, "--format", "json"], more.as_slice()].concat());
        let rows: serde_json::Value = serde_json::from_str(&said.stdout).expect("JSON");
        assert_eq!(data["reports"][name]["rows"], rows, "{name}");
    }
    assert!(page.contains("2023-09-13 00:00:00"), "the window is told");
    for asks in ["src=\"", "href=\"http", "@import", "url(", "fetch(", "XMLHttpRequest", "WebSocket"] {
        assert!(!page.contains(asks), "the page contains `{asks}`");
    }
    assert!(!page.contains("<script>document.title"), "values stay values");
}

#[test]
fn what_cannot_be_shown_is_told() {
    let lab = Lab::on_disk();
    lab.put_gz("logs/a.log.gz", "version srcaddr dstaddr bytes packets start\n2 10.0.0.1 10.0.0.2 7 1 1694735970\n");
    lab.convert(&[], 0);
    let data = held(&page(&lab, &["--time-zone", "Europe/Berlin"]));
    assert_eq!(data["zone"], "Europe/Berlin");
    let missing = data["reports"]["rejected-by-port"]["missing"].as_str().expect("a reason");
    assert!(missing.contains("`dstport`"), "{missing}");
    assert_eq!(data["reports"]["top-talkers"]["rows"][0]["bytes"], 7);
    let file = lab.temporary().join("none.html").display().to_string();
    let said = lab.run(&["dashboard", "{}lake", "--since", "2024-01-01", "--output", &file]);
    assert_eq!(said.code, 1, "{}", said.stderr);
    assert!(said.stderr.contains("no record of this lake starts in the window"), "{}", said.stderr);
    assert!(!std::path::Path::new(&file).exists(), "no half page is left");
    let inside = lab.path("lake/page.html").display().to_string();
    let said = lab.run(&["dashboard", "{}lake", "--output", &inside]);
    assert_eq!(said.code, 2, "{}", said.stderr);
}

/// What a person does, done by a script in a copy of the page; it writes down what came of it.
const VISIT: &str = r#"<script>
const told = { titles: [document.title] };
const press = (node) => node.dispatchEvent(new MouseEvent('click', { bubbles: true }));
told.requests = performance.getEntriesByType('resource').length;
told.marks = document.querySelectorAll('.mark').length;
told.unnamed = [...document.querySelectorAll('.mark, svg')].filter((node) => !node.getAttribute('aria-label')).length;
told.wide = document.documentElement.scrollWidth - innerWidth;
const talker = document.querySelector('#top-talkers .mark');
talker.focus();
told.tip = document.getElementById('tip').textContent;
press(talker);
told.filter = document.getElementById('filter').textContent;
told.dimmed = document.querySelectorAll('.mark.dim').length;
dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
told.dimmedAfter = document.querySelectorAll('.mark.dim').length;
press(document.querySelectorAll('#accept-reject-by-minute button')[1]);
told.axis = document.querySelector('#accept-reject-by-minute .legend').textContent;
const lines = () => document.querySelector('#accept-reject-by-minute svg[role=img]');
const strike = (key) => lines().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
const wholeRange = lines().getAttribute('aria-label');
strike('ArrowRight');
strike('+');
told.keys = [lines().getAttribute('aria-label') !== wholeRange, document.activeElement === lines()];
strike('-');
told.keys.push(lines().getAttribute('aria-label') === wholeRange);
const ring = document.querySelectorAll('#traffic-by-service .mark').length;
press(document.querySelector('#traffic-by-service .mark'));
told.zoomed = document.querySelectorAll('#traffic-by-service .mark').length < ring;
press(document.getElementById('theme'));
told.theme = document.documentElement.dataset.theme;
told.cards = [...document.querySelectorAll('#totals .card')].map((card) => card.textContent);
const note = document.createElement('pre');
note.id = 'told';
note.textContent = JSON.stringify(told);
document.body.append(note);
</script>"#;

fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&nbsp;", "\u{a0}")
        .replace("&amp;", "&")
}

/// Opens a page in Chromium; gives its DOM and what it logged.
fn visit(lab: &Lab, page: &str, window: &str) -> (String, String) {
    let file = lab.temporary().join("visited.html");
    std::fs::write(&file, page.replace("</body>", &format!("{VISIT}</body>"))).expect("a file");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=4000"])
        .arg(format!("--window-size={window}"))
        .arg(format!("--user-data-dir={}", lab.temporary().join("chromium").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .expect("chromium starts");
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[ignore = "needs Chromium; `.ci/run` installs it and runs this test"]
fn a_browser_shows_the_numbers_and_is_asked_for_nothing() {
    let lab = lab();
    let page = page(&lab, &[]);
    for window in ["1400,1000", "500,900"] {
        let (dom, log) = visit(&lab, &page, window);
        assert!(!log.contains("CONSOLE"), "the console is silent: {log}");
        let told = dom.split("<pre id=\"told\">").nth(1).and_then(|rest| rest.split("</pre>").next());
        let told: serde_json::Value = serde_json::from_str(&unescaped(told.expect("the visit ended"))).expect("JSON");
        assert_eq!(told["titles"][0], format!("Flow logs of {}", lab.url("lake/")));
        assert_eq!((&told["requests"], &told["unnamed"]), (&0.into(), &0.into()), "{told}");
        assert!(told["marks"].as_u64().expect("a count") > 30, "{told}");
        assert!(told["wide"].as_i64().expect("pixels") <= 0, "nothing hangs out at the side: {told}");
        assert!(told["tip"].as_str().expect("a tip").contains("flows to"), "{told}");
        assert!(told["filter"].as_str().expect("a filter").starts_with("Only "), "{told}");
        assert!(told["dimmed"].as_u64().expect("a count") > 10 && told["dimmedAfter"] == 0, "{told}");
        assert!(told["axis"].as_str().expect("a legend").contains("bytes"), "{told}");
        assert_eq!(told["keys"], serde_json::json!([true, true, true]), "{told}");
        assert_eq!((&told["zoomed"], &told["theme"]), (&true.into(), &"dark".into()), "{told}");
        let data = held(&page);
        let total = &data["reports"]["totals"]["rows"][0];
        let cards = told["cards"].to_string().replace(',', "");
        for number in ["records", "accepted", "rejected", "bytes", "packets"] {
            let number = total[number].to_string();
            assert!(cards.contains(&number), "{number} is not on a card: {cards}");
        }
        assert_eq!(shown_rows(&dom), expected_rows(&data), "tables show the reports' rows");
    }
}

/// Cells of the tables of the page, by report.
fn shown_rows(dom: &str) -> BTreeMap<String, Vec<Vec<String>>> {
    let sections = dom.split("<section ").skip(1).map(|section| {
        let id = section.split("id=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
        let body = section.split("<tbody>").nth(1).and_then(|rest| rest.split("</tbody>").next()).unwrap_or_default();
        let cell = |cell: &str| {
            let text = cell.split_once('>').expect("a tag").1.split("</td>").next().expect("its end");
            unescaped(text).replace(',', "")
        };
        let rows = body.split("<tr>").skip(1).map(|row| row.split("<td").skip(1).map(cell).collect()).collect();
        (id.to_owned(), rows)
    });
    sections.collect()
}

fn expected_rows(data: &serde_json::Value) -> BTreeMap<String, Vec<Vec<String>>> {
    let reports = data["reports"].as_object().expect("reports").iter().filter(|(name, _)| *name != "totals");
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::String(text) => text.replace(',', ""),
        other => other.to_string(),
    };
    let rows = |report: &serde_json::Value| {
        let columns = report["columns"].as_array().expect("columns");
        let row = |row: &serde_json::Value| {
            columns.iter().map(|column| cell(&row[column.as_str().expect("a name")])).collect()
        };
        report["rows"].as_array().expect("rows").iter().map(row).collect()
    };
    reports.map(|(name, report)| (name.clone(), rows(report))).collect()
}
