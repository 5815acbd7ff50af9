//! What is wrong with the YAML itself, for someone who writes a file and not a parser: what it looks like, and what to write instead.

use serde_saphyr::Error;
use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::localizer::ExternalMessageSource;

/// What is wrong, when the parser could not read on. Never repeats more of the text than one character.
pub(super) fn unreadable(error: &Error) -> Option<String> {
    match error {
        Error::UnknownAnchor { .. } => Some(
            "`*` at the beginning refers to something that this file does not have; put the value in quotes".into(),
        ),
        Error::ExternalMessage { source, .. } => match &**source {
            ExternalMessageSource::Parser(scan) => words(scan.kind()),
            _ => None,
        },
        _ => None,
    }
}

fn words(kind: &ErrorKind) -> Option<String> {
    use ErrorKind as Kind;
    let words = match kind {
        Kind::UnexpectedCharacter { character } => {
            return Some(format!(
                "a value cannot begin with {}; put it in quotes",
                shown(*character)
            ));
        }
        Kind::ExpectedBlockMappingKey
        | Kind::ExpectedBlockSequenceEntry
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::InvalidIndentation
        | Kind::InvalidFlowScalarIndent => {
            "the line does not begin below those that it belongs with; give all keys of one section the same number of spaces"
        }
        Kind::MappingValueNotAllowed | Kind::MappingKeyNotAllowed => {
            "a `:` that ends no key; give the line the spaces of those that it belongs with, or put a value with `: ` in it in quotes"
        }
        Kind::TabInBlockIndentation
        | Kind::TabNotAllowed
        | Kind::TabInIndentation
        | Kind::TabInPlainScalar
        | Kind::TabAtBlockScalarStart => {
            "there is a tab; indent with spaces, and put a value that has one in quotes"
        }
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => {
            "neither `,` nor the closing bracket is here; write it, and put values with brackets in quotes, as \"${NAME}\""
        }
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEof
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => {
            "the bracket that opens here is never closed; close it, or put the value in quotes"
        }
        Kind::MisplacedFlowCollectionEnd | Kind::MismatchedFlowCollectionEnd { .. } => {
            "the brackets do not match; close each with its own, and put values with brackets in quotes"
        }
        Kind::InvalidBlockScalarHeader
        | Kind::InvalidBlockScalarIndent
        | Kind::ZeroBlockScalarIndent => {
            "`>` and `|` begin a text of several lines; put a value that begins with one in quotes, as \">=\""
        }
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar => {
            "the quote that opens here is never closed; close it"
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            "something follows the closing quote; put all of the value between the quotes"
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidUnicodeEscape => {
            "between double quotes `\\` has a meaning of its own; write `\\\\`, or take single quotes"
        }
        Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => {
            "the line has no `:` and goes on with nothing; write `key: value`"
        }
        Kind::MissingAnchorOrAliasName => "a value cannot begin with `*` or `&`; put it in quotes",
        // The parser's own words: nobody has been seen to write any of these by mistake.
        _ => return None,
    };
    Some(words.to_owned())
}

/// A character, in quotes that are not itself.
fn shown(character: char) -> String {
    if character == '`' { "\"`\"".to_owned() } else { format!("`{}`", character.escape_default()) }
}
