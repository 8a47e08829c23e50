//! What is shipped beside the programs: systemd accepts the units and finds them well closed.

use std::path::Path;

use rampart::app::demo::process::Start;

use crate::agent_house::Scratch;

/// The highest exposure that systemd may see, in tenths: below 3.0 it says "OK".
const THRESHOLD: &str = "30";

#[test]
fn the_units_are_understood_by_systemd_and_leave_little_open() {
    let analyze = Path::new("/usr/bin/systemd-analyze");
    if !analyze.exists() {
        eprintln!("not tested: systemd-analyze is not here");
        return;
    }
    let house = Scratch::new();
    for (unit, program) in [
        ("rampart.service", env!("CARGO_BIN_EXE_rampart")),
        ("rampart-agent.service", env!("CARGO_BIN_EXE_rampart-agent")),
    ] {
        let text = std::fs::read_to_string(format!("{}/packaging/{unit}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let shipped = format!("ExecStart=/usr/bin/{}", unit.trim_end_matches(".service"));
        assert!(text.contains(&format!("{shipped} ")), "{unit} starts another program");
        let here = text.replace(&shipped, &format!("ExecStart={program}")).replace("=rampart\n", "=root\n");
        let file = house.path().join(unit);
        std::fs::write(&file, here).unwrap();

        let verified = Start::program(analyze, house.path()).arg("verify").arg(&file).run();
        let security = Start::program(analyze, house.path()).arg("security").arg("--offline=true");
        let judged = security.arg(format!("--threshold={THRESHOLD}")).arg("--no-pager").arg(&file).run();

        assert!(verified.is_ok(), "{verified:?}");
        assert!(judged.is_ok(), "{unit} is too open: {judged:?}");
    }
}
