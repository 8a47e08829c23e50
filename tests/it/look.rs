//! What every page keeps, whatever data it gets. Leaves the pages in `target/look/` to be looked at.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use scraper::{ElementRef, Html, Selector};

use crate::support::views::{HOSTILE, Town, all};

const TOWNS: [(Town, &str); 3] = [(Town::Ordinary, "ordinary"), (Town::Hostile, "hostile"), (Town::Empty, "empty")];

/// Looks at every page with every town's data.
fn each_page(look: impl Fn(&str, &Html, &str)) {
    for (town, town_name) in TOWNS {
        for (name, html) in all(town) {
            look(&format!("{name} ({town_name})"), &Html::parse_document(&html), &html);
        }
    }
}

fn find<'page>(page: &'page Html, selector: &str) -> Vec<ElementRef<'page>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

#[test]
fn every_page_has_one_heading_a_title_and_a_language() {
    each_page(|name, page, _| {
        assert_eq!(find(page, "h1").len(), 1, "{name}");
        assert_eq!(find(page, "main").len(), 1, "{name}");
        assert_eq!(find(page, "html[lang=en]").len(), 1, "{name}");
        assert!(!find(page, "title")[0].inner_html().trim().is_empty(), "{name}");
    });
}

#[test]
fn every_field_has_a_label() {
    each_page(|name, page, _| {
        for field in find(page, "input:not([type=hidden]), select, textarea") {
            let id = field.attr("id").unwrap_or_else(|| panic!("{name}: a field without an id: {}", field.html()));
            assert_eq!(find(page, &format!("label[for='{id}']")).len(), 1, "{name}: label of {id}");
        }
    });
}

#[test]
fn every_form_that_posts_carries_the_token_and_says_what_its_button_does() {
    each_page(|name, page, _| {
        for form in find(page, "form[method=post]") {
            let token = Selector::parse("input[type=hidden][name=csrf]").unwrap();
            assert_eq!(form.select(&token).count(), 1, "{name}: {}", form.html());
            assert!(form.attr("action").is_some_and(|action| action.starts_with('/')), "{name}: {}", form.html());
            let button = form.select(&Selector::parse("button").unwrap()).next().expect("a button");
            let words = button.text().collect::<String>();
            assert!(!["", "ok", "submit"].contains(&words.trim().to_lowercase().as_str()), "{name}: {words}");
        }
        for form in find(page, "form:not([method=post])") {
            assert_eq!(form.attr("role"), Some("search"), "{name}: a form that neither posts nor searches");
        }
    });
}

#[test]
fn no_page_breaks_the_content_security_policy() {
    each_page(|name, page, _| {
        for element in find(page, "*") {
            for (attribute, _) in element.value().attrs() {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute} on {}",
                    element.html()
                );
            }
        }
        assert!(find(page, "style, iframe, object, embed, base").is_empty(), "{name}");
        for script in find(page, "script") {
            assert!(script.attr("src").is_some_and(|src| src.starts_with("/static/")), "{name}");
            assert!(script.inner_html().is_empty(), "{name}");
        }
        for link in find(page, "[href]") {
            let href = link.attr("href").unwrap_or_default();
            assert!(href.starts_with(['/', '#', '?']), "{name}: {href}");
        }
    });
}

/// ASVS 1.2.1.
#[test]
fn hostile_text_stays_text() {
    for (name, html) in all(Town::Hostile) {
        let page = Html::parse_document(&html);

        assert!(!html.contains(HOSTILE) && !html.contains("<img"), "{name}");
        assert!(find(&page, "img, [onfocus], [onerror]").is_empty(), "{name}");
        assert_eq!(find(&page, "script").len(), 1, "{name}: only our own script");
        let text = page.root_element().text().collect::<String>();
        let fields =
            find(&page, "[value]").iter().any(|field| field.attr("value").unwrap_or_default().contains(HOSTILE));
        assert!(text.contains(HOSTILE) || fields, "{name}: the hostile text is shown as it is");
    }
}

#[test]
fn ids_are_unique_and_references_to_them_lead_somewhere() {
    each_page(|name, page, _| {
        let mut seen = HashSet::new();
        for element in find(page, "[id]") {
            let id = element.attr("id").unwrap_or_default();
            assert!(seen.insert(id), "{name}: {id} twice");
        }
        for attribute in ["aria-describedby", "aria-labelledby", "list"] {
            for element in find(page, &format!("[{attribute}]")) {
                for id in element.attr(attribute).unwrap_or_default().split_whitespace() {
                    assert!(seen.contains(id), "{name}: {attribute} names {id}");
                }
            }
        }
    });
}

#[test]
fn a_verdict_is_never_colour_alone() {
    each_page(|name, page, _| {
        for mark in find(page, ".mark, .dot") {
            let hidden = mark
                .select(&Selector::parse("[aria-hidden]").unwrap())
                .flat_map(|sign| sign.text())
                .collect::<String>();
            let all = mark.text().collect::<String>();
            assert!(!hidden.trim().is_empty(), "{name}: a sign for {all}");
            assert!(all.trim().len() > hidden.trim().len(), "{name}: a word beside {hidden}");
        }
    });
}

#[test]
fn headings_do_not_skip_a_level() {
    each_page(|name, page, _| {
        let mut former = 0;
        for heading in find(page, "h1, h2, h3, h4") {
            let level: usize = heading.value().name()[1..].parse().unwrap();
            assert!(level <= former + 1, "{name}: h{level} after h{former}: {}", heading.html());
            former = level;
        }
    });
}

#[test]
fn the_pages_are_left_to_be_looked_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let look = root.join("target/look");

    for (town, town_name) in TOWNS {
        let folder = look.join(town_name);
        fs::create_dir_all(&folder).unwrap();
        for (name, html) in all(town) {
            fs::write(folder.join(format!("{name}.html")), html).unwrap();
        }
    }
    fs::create_dir_all(look.join("static")).unwrap();
    for entry in fs::read_dir(root.join("static")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), look.join("static").join(entry.file_name())).unwrap();
    }

    assert!(look.join("ordinary/walls.html").is_file());
}

#[test]
fn a_qr_code_is_black_on_white_whatever_the_stylesheet_says() {
    let pages = all(Town::Ordinary);
    let (_, html) = pages.iter().find(|(name, _)| *name == "second_factor_prove").unwrap();

    let page = Html::parse_document(html);

    let fill = |selector: &str| find(&page, selector)[0].attr("fill").map(str::to_owned);
    assert_eq!(fill("svg.qr rect").as_deref(), Some("#fff"));
    assert_eq!(fill("svg.qr path").as_deref(), Some("#000"));
}
