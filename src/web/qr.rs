//! A QR code as one SVG path (ISO/IEC 18004), drawn here so that no seed leaves the console.

use qrcodegen::{QrCode, QrCodeEcc};

/// Light modules around the code: the standard wants four (ISO/IEC 18004 section 6.3.8).
const QUIET: i32 = 4;

/// A code to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrDrawing {
    /// Width and height in modules, with the quiet zone.
    pub size: i32,
    /// The dark modules, as path data of an SVG.
    pub path: String,
}

impl QrDrawing {
    /// The code of `text`; `None` if it is too long for any.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let rows = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = rows.filter(|(x, y)| code.get_module(*x, *y));
        let squares: Vec<String> = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET)).collect();
        let path = squares.concat();
        Some(Self { size: code.size() + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_finders_and_a_quiet_zone() {
        let drawing =
            QrDrawing::of("otpauth://totp/Rampart:ann%40pbx?secret=JBSWY3DPEHPK3PXP&issuer=Rampart").unwrap();

        let far = drawing.size - QUIET - 1;
        for corner in [(QUIET, QUIET), (far, QUIET), (QUIET, far)] {
            assert!(drawing.path.contains(&format!("M{} {}h1v1h-1z", corner.0, corner.1)), "{corner:?}");
        }
        assert!(!drawing.path.contains("M3 ") && !drawing.path.contains(" 3h"));
        assert_eq!(QrDrawing::of(&"a".repeat(10_000)), None);
    }
}
