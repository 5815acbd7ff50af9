//! JSON as it should not be: forgiven where it can be, and never a panic.

use super::*;

#[test]
fn what_other_tools_do_to_json_is_forgiven() {
    let cases = [
        ("a key twice", r#"{"sso":{"connection_id":"a","connection_id":"conn_1"}}"#),
        ("an object twice", r#"{"sso":{"session_id":"s"},"sso":{"connection_id":"conn_1"}}"#),
        ("an escaped key", r#"{"s\u0073o":{"connection\u005fid":"conn_1"}}"#),
        ("an escaped value", r#"{"sso":{"connection_id":"conn\u005f1"}}"#),
        ("half a pair in a value", r#"{"user_agent":"x\ud83d","sso":{"connection_id":"conn_1"}}"#),
        ("half a pair in a key", r#"{"\uDE00":1,"sso":{"connection_id":"conn_1"}}"#),
        ("a whole pair", r#"{"email":"\ud83d\ude00@x","sso":{"connection_id":"conn_1"}}"#),
        ("a number out of range", r#"{"email":1e999,"sso":{"connection_id":"conn_1"}}"#),
        ("an object for text", r#"{"email":{"a":[1]},"sso":{"connection_id":"conn_1"}}"#),
        ("true for an object", r#"{"error":true,"sso":{"connection_id":"conn_1"}}"#),
    ];
    for (name, data) in cases {
        let sso = sso(&with("authentication.sso_failed", data));
        assert_eq!(sso.connection_id, Some(ConnectionId::new("conn_1")), "{name}");
    }
    let whole = with("x.y", "{}");
    for text in
        [format!("\u{feff}{whole}"), format!(" \r\n{whole}\r\n\t"), whole.replace("\":", "\" :\n")]
    {
        assert!(event(&text).is_ok(), "{text:?}");
    }
    let twice = whole.replacen('{', r#"{"id":"first","#, 1);
    assert_eq!(event(&twice).unwrap().id.as_str(), "event_1");
}

proptest::proptest! {
    #[test]
    fn property_test_decoding_never_panics(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        drop(decode(&bytes, &privacy()));
        drop(decode_datadog_log(&bytes, &privacy()));
    }

    #[test]
    fn property_test_damaged_events_never_panic(place in 0usize..300, byte in proptest::num::u8::ANY) {
        let mut text = with("authentication.sso_failed", r#"{"sso":{"connection_id":"c"},"error":{"code":"x","message":"y"}}"#).into_bytes();
        let place = place % text.len();
        text[place] = byte;
        drop(decode(&text, &privacy()));
    }

    #[test]
    fn property_test_spliced_events_never_panic(
        splices in proptest::collection::vec((0usize..400, 0usize..PIECES.len()), 0..6),
    ) {
        let mut text = with("authentication.sso_failed", r#"{"email":"a@x","sso":{"connection_id":"c"},"error":{"code":"x","message":"y b@x 192.0.2.1:80"}}"#);
        for (place, piece) in splices {
            let place = text.floor_char_boundary(place % (text.len() + 1));
            text.insert_str(place, PIECES[piece]);
        }
        let decoded = decode(text.as_bytes(), &Privacy::new(Treatment::Drop, b"key"));
        drop(decode_datadog_log(text.as_bytes(), &privacy()));
        if let Ok(event) = decoded {
            // Whatever was read fits its bounds.
            proptest::prop_assert!(event.id.as_str().len() <= crate::event::ID_BYTES_MAX);
            proptest::prop_assert!(event.name.len() <= NAME_BYTES_MAX);
        }
    }
}

/// What breaks readers of JSON.
const PIECES: &[&str] = &[
    "\\ud83d",
    "\\ude00",
    "\\u",
    "\\",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "1e999",
    "-",
    "\u{feff}",
    "\u{e9}",
    "\0",
    "\n",
    "@",
    "%40",
    "user_",
    "::",
    "\"id\":\"\",",
    "\"data\":{},",
    "\"sso\":[],",
    "true",
];
