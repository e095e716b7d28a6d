//! Links on disk: a file is one object, whatever leads to it and whenever that was made.

use crate::lab::Lab;

#[test]
fn a_file_behind_several_links_is_converted_once() {
    let lab = Lab::on_disk();
    let text = |n: u32| format!("version srcaddr start\n2 10.0.0.{n} 1694735970\n");
    lab.put_gz("archive/2023/09/14/a.log.gz", &text(1));
    lab.put_gz("archive/loose.log.gz", &text(2));
    lab.put_gz("logs/own.log.gz", &text(3));
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(lab.path(target), lab.path(name)).expect("the lab can link");
    };
    link("archive", "logs/z-first");
    // Over this way, the folder's name says another day.
    std::fs::create_dir_all(lab.path("logs/2023/09")).expect("the lab can make folders");
    link("archive/2023/09/14", "logs/2023/09/20");
    link("archive/loose.log.gz", "logs/z-file.log.gz");
    assert_eq!(lab.convert(&[], 0)["objects"], 3);
    // A link that sorts before the first one changes nothing, nor does the archive as a source of its own.
    link("archive", "logs/a-second");
    assert_eq!(lab.convert(&["--full-scan"], 0)["objects"], 0);
    let said = lab.run(&["convert", "{}archive/", "{}logs/", "{}lake/", "--json"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stdout.contains("\"objects\":0"), "{}", said.stdout);
    let mut expected = lab.expected("archive").rows;
    expected.extend(lab.expected("logs").rows.into_iter().filter(|((object, _), _)| object.ends_with("own.log.gz")));
    assert_eq!(expected.len(), 3);
    assert_eq!(lab.lake_rows(), expected);
}
