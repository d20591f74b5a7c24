//! The page that `wirelet serve` shows to browsers.
//!
//! Its files are part of the program, need nothing from elsewhere and are sent as they are.

/// One file of the page.
pub(crate) struct Asset {
    pub(crate) content_type: &'static str,
    pub(crate) bytes: &'static [u8],
}

impl Asset {
    /// Header fields to send with every file, besides its content type and length.
    pub(crate) const HEADERS: [(&str, &str); 4] = [
        (
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        // A browser that has the files of an older version asks for the new ones.
        ("Cache-Control", "no-cache"),
    ];
}

/// Finds the file at a path, which is a request's target without its query.
pub(crate) fn asset(path: &str) -> Option<Asset> {
    let (content_type, bytes): (_, &[u8]) = match path {
        "/" => (HTML, include_bytes!("page/index.html")),
        "/style.css" => ("text/css; charset=utf-8", include_bytes!("page/style.css")),
        "/icon.svg" => ("image/svg+xml", include_bytes!("page/icon.svg")),
        "/app.js" => (SCRIPT, include_bytes!("page/app.js")),
        "/client.js" => (SCRIPT, include_bytes!("page/client.js")),
        "/copy.js" => (SCRIPT, include_bytes!("page/copy.js")),
        "/echo.js" => (SCRIPT, include_bytes!("page/echo.js")),
        "/format.js" => (SCRIPT, include_bytes!("page/format.js")),
        "/log.js" => (SCRIPT, include_bytes!("page/log.js")),
        "/peers.js" => (SCRIPT, include_bytes!("page/peers.js")),
        "/plot.js" => (SCRIPT, include_bytes!("page/plot.js")),
        "/rows.js" => (SCRIPT, include_bytes!("page/rows.js")),
        "/status.js" => (SCRIPT, include_bytes!("page/status.js")),
        _ => return None,
    };
    Some(Asset { content_type, bytes })
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// All files of the page by path, found from its start, as a browser finds them.
    fn files() -> BTreeMap<String, &'static str> {
        let mut files = BTreeMap::new();
        let mut wanted = BTreeSet::from(["/".to_owned()]);
        while let Some(path) = wanted.pop_first() {
            let asset = asset(&path).unwrap_or_else(|| panic!("the page asks for {path}"));
            let text = str::from_utf8(asset.bytes).unwrap();
            for mark in ["href=\"", "src=\"", "from './", "import './"] {
                for name in text.split(mark).skip(1) {
                    let name = &name[..name.find(['"', '\'']).unwrap()];
                    wanted.insert(format!("/{name}"));
                }
            }
            files.insert(path, text);
            wanted.retain(|path| !files.contains_key(path));
        }
        files
    }

    #[test]
    fn the_page_asks_for_every_file_in_its_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
        let there = std::fs::read_dir(folder).unwrap().map(|file| {
            match file.unwrap().file_name().to_str().unwrap() {
                "index.html" => "/".to_owned(),
                name => format!("/{name}"),
            }
        });
        assert_eq!(files().into_keys().collect::<BTreeSet<_>>(), there.collect());
    }

    #[test]
    fn every_file_is_sent_as_what_it_is() {
        for path in files().keys() {
            let expected = match path.rsplit_once('.') {
                Some((_, "js")) => "text/javascript; charset=utf-8",
                Some((_, "css")) => "text/css; charset=utf-8",
                Some((_, "svg")) => "image/svg+xml",
                _ => "text/html; charset=utf-8",
            };
            assert_eq!(asset(path).unwrap().content_type, expected, "{path}");
        }
    }

    #[test]
    fn a_path_that_is_no_file_of_the_page_is_not_found() {
        for path in
            ["", "//", "/index.html", "/style.css/", "/../page.rs", "app.js", "/favicon.ico"]
        {
            assert!(asset(path).is_none(), "{path}");
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for (path, text) in files() {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for mark in ["http://", "https://", "url(", "@import", "src=\"//", "href=\"//"] {
                assert!(!text.contains(mark), "{path} has {mark}");
            }
        }
    }

    #[test]
    fn nothing_is_inline_and_no_message_can_become_markup() {
        for (path, text) in files() {
            for mark in
                ["<style", "style=\"", "javascript:", "innerHTML", "insertAdjacentHTML", "eval("]
            {
                assert!(!text.contains(mark), "{path} has {mark}");
            }
            let tags = text.split('<').skip(1).filter_map(|tag| tag.split_once('>'));
            let attributes = tags.flat_map(|(tag, _)| tag.split_ascii_whitespace().skip(1));
            for attribute in attributes.filter(|attribute| attribute.contains("=\"")) {
                assert!(!attribute.starts_with("on"), "{path} has {attribute}");
            }
            for script in text.split("<script").skip(1).filter(|_| path == "/") {
                assert!(script.split_once('>').unwrap().1.starts_with("</script>"), "{script}");
            }
        }
    }

    #[test]
    fn the_policy_lets_nothing_in_but_the_page_itself() {
        let (name, policy) = Asset::HEADERS[0];
        assert_eq!(name, "Content-Security-Policy");
        for directive in policy.split(';').map(str::trim) {
            let sources = directive.split_once(' ').unwrap().1;
            assert!(["'none'", "'self'"].contains(&sources), "{directive}");
        }
    }
}
