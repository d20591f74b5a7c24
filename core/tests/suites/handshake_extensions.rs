//! The elements of `Sec-WebSocket-Extensions` and their parameters (RFC 6455 §9.1, RFC 9110 §5.6).

use wirelet::handshake::{Extension, MalformedExtension, ParameterValue, Request, Response};

/// An element: its name, and its parameters with their values, if they have one.
type Element = Result<(String, Vec<(String, Option<String>)>), MalformedExtension>;

fn of_request(fields: &[&str]) -> Vec<Element> {
    let fields =
        fields.iter().fold(String::new(), |all, v| all + "Sec-WebSocket-Extensions: " + v + "\r\n");
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{fields}\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let upgrade = Request::parse(head.as_bytes()).unwrap().upgrade().unwrap();
    let of_upgrade = elements(upgrade.extensions());
    let head = format!("HTTP/1.1 101 Ok\r\n{fields}\r\n");
    let response = Response::parse(head.as_bytes()).unwrap();
    assert_eq!(elements(response.extensions()), of_upgrade, "both roles");
    of_upgrade
}

fn elements<'h>(
    extensions: impl Iterator<Item = Result<Extension<'h>, MalformedExtension>>,
) -> Vec<Element> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = |value: ParameterValue<'_>| text(&value.bytes().collect::<Vec<u8>>());
    let element = |extension: Extension<'_>| {
        let parameters = extension.parameters();
        let parameters = parameters.map(|(name, v)| (name.to_owned(), v.map(value)));
        (extension.name().to_owned(), parameters.collect())
    };
    extensions.map(|extension| extension.map(element)).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "as `BAD` is")]
fn good(name: &str, parameters: &[(&str, Option<&str>)]) -> Element {
    let owned =
        |(name, value): &(&str, Option<&str>)| ((*name).to_owned(), value.map(str::to_owned));
    Ok((name.to_owned(), parameters.iter().map(owned).collect()))
}

const BAD: Element = Err(MalformedExtension);

#[test]
fn no_field_has_no_elements() {
    assert_eq!(of_request(&[]), []);
    for empty in ["", ",", " , ,\t,"] {
        assert_eq!(of_request(&[empty]), [], "{empty:?}");
    }
}

#[test]
fn what_browsers_send_is_parsed() {
    assert_eq!(
        of_request(&["permessage-deflate; client_max_window_bits"]),
        [good("permessage-deflate", &[("client_max_window_bits", None)])]
    );
    assert_eq!(of_request(&["permessage-deflate"]), [good("permessage-deflate", &[])]);
}

/// RFC 7692 §7.1.3.
#[test]
fn the_offers_of_rfc_7692_are_parsed_over_all_fields() {
    assert_eq!(
        of_request(&[
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
             permessage-deflate; client_max_window_bits",
            "permessage-deflate;server_no_context_takeover",
        ]),
        [
            good(
                "permessage-deflate",
                &[("client_max_window_bits", None), ("server_max_window_bits", Some("10"))]
            ),
            good("permessage-deflate", &[("client_max_window_bits", None)]),
            good("permessage-deflate", &[("server_no_context_takeover", None)]),
        ]
    );
}

/// RFC 6455 §9.1 has RFC 2616's "implied *LWS"; RFC 9110 §5.6.3: "a recipient MUST parse for such bad
/// whitespace and remove it".
#[test]
fn white_space_and_what_is_empty_do_not_count() {
    let wanted = [good("a", &[("b", Some("c")), ("d", None)]), good("e", &[])];
    for value in [
        "a;b=c;d,e",
        "a; b=c; d, e",
        "  a\t;\tb = c ;\td\t,\te\t",
        ",,a;;b=c; ;d;,,e,",
        "a;b=\"c\";d,e",
        "a;b = \"c\" ;d,e",
        "a;b=\"\\c\";d,e",
    ] {
        assert_eq!(of_request(&[value]), wanted, "{value:?}");
    }
}

#[test]
fn separators_inside_a_quoted_string_separate_nothing() {
    assert_eq!(
        of_request(&[r#"a; b="x, y; z=\"1\"\\"; c, d; e="",f;g="=""#]),
        [
            good("a", &[("b", Some(r#"x, y; z="1"\"#)), ("c", None)]),
            good("d", &[("e", Some(""))]),
            good("f", &[("g", Some("="))]),
        ]
    );
}

#[test]
fn a_malformed_element_is_told_and_the_others_are_read() {
    for malformed in [
        "a b",
        "a=b",
        "=b",
        ";b",
        "(a)",
        "\"a\"",
        "é",
        "a;=b",
        "a; b c",
        "a;b=",
        "a;b=c=d",
        "a;b=c d",
        "a;b=\"c\"d",
        "a;b=\"c\" \"d\"",
        "a;b c=d",
        "a;\"b\"",
        "a;b=\"c\\\"",
        "a;b=(c)",
        "a\"x,y\"",
    ] {
        // Its quoted string has no end, and takes what follows along.
        let is_open = malformed == "a;b=\"c\\\"";
        let line = format!("x, {malformed} ,y;z=1");
        let mut wanted = vec![good("x", &[])];
        if is_open {
            wanted.push(BAD);
        } else {
            wanted.extend([BAD, good("y", &[("z", Some("1"))])]);
        }
        wanted.push(good("next-field", &[]));
        assert_eq!(of_request(&[&line, "next-field"]), wanted, "{malformed:?}");
    }
}

#[test]
fn a_value_is_compared_as_it_is_meant() {
    let head = b"HTTP/1.1 101 Ok\r\nSec-WebSocket-Extensions: a; b=10; c=\"10\"; d=\"1\\0\"; e=\"\"\r\n\r\n";
    let response = Response::parse(head).unwrap();
    let extension = response.extensions().next().unwrap().unwrap();
    let values: Vec<ParameterValue<'_>> =
        extension.parameters().map(|(_, value)| value.unwrap()).collect();
    for ten in &values[..3] {
        assert!(*ten == *"10", "{ten:?}");
        for other in ["", "1", "100", "11", "\"10\"", "1\\0"] {
            assert!(*ten != *other, "{ten:?} is not {other:?}");
        }
    }
    assert!(values[3] == *"");
    assert!(values[3] != *"0");
}

/// An element that is scanned again for each of its commas would take hours.
#[test]
fn an_extension_is_shown_as_it_came() {
    let head = b"HTTP/1.1 101 Ok\r\nSec-WebSocket-Extensions: x; a=1; b=\"\\\"\xff\"; c, y\r\n\r\n";
    let response = Response::parse(head).unwrap();
    let shown: Vec<String> =
        response.extensions().map(|extension| format!("{:?}", extension.unwrap())).collect();
    let x = r#"Extension { name: "x", parameters: {"a": Some("1"), "b": Some("\\\"\xff"), "c": None} }"#;
    assert_eq!(shown, [x, r#"Extension { name: "y", parameters: {} }"#]);
    assert!(MalformedExtension.to_string().contains("Sec-WebSocket-Extensions"));
}

#[test]
fn a_long_list_is_parsed_in_linear_time() {
    let value = "a;b=\"\\,,,,\";c,".repeat(1 << 16);
    let elements = of_request(&[&value]);
    assert_eq!(elements.len(), 1 << 16);
    assert!(elements.iter().all(|e| *e == good("a", &[("b", Some(",,,,")), ("c", None)])));
    let open = "\"".to_owned() + &"a,".repeat(1 << 18);
    assert_eq!(of_request(&[&open]), [BAD]);
    let malformed = "a;b=,".repeat(1 << 16);
    assert_eq!(of_request(&[&malformed]).len(), 1 << 16);
}
