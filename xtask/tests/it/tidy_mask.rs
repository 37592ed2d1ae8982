//! Comments and literals are blanked out, code is not.

use xtask::tidy::mask::mask;

#[test]
fn comments_are_blank_and_lines_stay_where_they_were() {
    assert_eq!(mask("a // b\nc /* d /* e */\nf */ g"), "a     \nc             \n     g");
}

#[test]
fn strings_of_every_kind_are_blank() {
    for literal in [r#""x \" y""#, r##"r#"x " y"#"##, r#"b"x""#, r#"br"x\""#, r#"c"x""#] {
        assert_eq!(mask(&format!("f({literal}, z)")), format!("f({}, z)", " ".repeat(literal.len())));
    }
}

#[test]
fn a_character_is_blank_and_a_lifetime_is_not() {
    assert_eq!(mask("'\"' b'x' '\\'' '\\u{1F600}' 'é'").trim(), "");
    assert_eq!(mask("fn f<'a>(x: &'a str) -> &'static str"), "fn f<'a>(x: &'a str) -> &'static str");
}

#[test]
fn a_raw_identifier_and_a_word_that_ends_in_r_begin_no_string() {
    assert_eq!(mask("r#type + for\"x\""), "r#type + for   ");
}
