//! Bytes to text: UTF-8, UTF-16 and Windows-1252.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::IngestError;

/// Decodes plain text or Markdown. The flag is true when the text is the bytes
/// as they were (UTF-8, a byte order mark included).
pub(super) fn decode(bytes: Vec<u8>) -> Result<(String, bool), IngestError> {
    if let Some(utf16) = utf16(&bytes) {
        return Ok((from_utf16(&bytes, utf16)?, false));
    }
    reject_binary(&bytes)?;
    match String::from_utf8(bytes) {
        Ok(text) if text.trim_start_matches('\u{feff}').trim().is_empty() => {
            Err(IngestError::Empty)
        }
        Ok(text) => Ok((text, true)),
        Err(error) => Ok((
            from_windows_1252(error.as_bytes(), error.utf8_error().valid_up_to())?,
            false,
        )),
    }
}

/// Decodes a web page: a byte order mark decides, then what the page declares,
/// then its bytes.
pub(super) fn decode_html(bytes: Vec<u8>) -> Result<String, IngestError> {
    let has_bom = bytes.starts_with(b"\xEF\xBB\xBF");
    if !has_bom && utf16(&bytes).is_none() {
        reject_binary(&bytes)?;
        if let Some(encoding) = declared(&bytes) {
            let (text, damaged) = encoding.decode_without_bom_handling(&bytes);
            if !damaged {
                return Ok(text.into_owned());
            }
        }
    }
    decode(bytes).map(|(text, _)| text.trim_start_matches('\u{feff}').to_owned())
}

/// The UTF-16 that the bytes are in: by their byte order mark, or because every
/// other byte is mostly zero, as in Western text.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0xFF, 0xFE, ..] => return Some(UTF_16LE),
        [0xFE, 0xFF, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let sample = &bytes[..bytes.len().min(4096)];
    let pairs = sample.len() / 2;
    let zeros = |offset: usize| {
        sample
            .iter()
            .skip(offset)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let (high_first, low_first) = (zeros(0), zeros(1));
    if pairs < 4 || bytes.len() % 2 == 1 {
        None
    } else if low_first * 2 > pairs && high_first * 20 < pairs {
        Some(UTF_16LE)
    } else if high_first * 2 > pairs && low_first * 20 < pairs {
        Some(UTF_16BE)
    } else {
        None
    }
}

fn from_utf16(bytes: &[u8], encoding: &'static Encoding) -> Result<String, IngestError> {
    let (text, damaged) = encoding.decode_with_bom_removal(bytes);
    if damaged {
        Err(IngestError::DamagedUtf16)
    } else if text.contains('\0') || is_mostly_control(&text) {
        Err(IngestError::Binary)
    } else if text.trim().is_empty() {
        Err(IngestError::Empty)
    } else {
        Ok(text.into_owned())
    }
}

/// More than one character in a hundred is a control character.
fn is_mostly_control(text: &str) -> bool {
    let control = text
        .chars()
        .filter(|c| c.is_control() && !c.is_whitespace())
        .count();
    control * 100 > text.chars().count()
}

/// Text holds no NUL and hardly any other control characters.
fn reject_binary(bytes: &[u8]) -> Result<(), IngestError> {
    let control = bytes.iter().filter(|&&byte| is_control(byte)).count();
    let binary = bytes.contains(&0) || bytes.starts_with(b"%PDF-") || control * 100 > bytes.len();
    if binary {
        Err(IngestError::Binary)
    } else {
        Ok(())
    }
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C)) || byte == 0x7F
}

/// Windows-1252 gives nearly every byte a meaning, so text must look like it:
/// no control character or undefined byte, mostly ASCII, and not UTF-8 with a
/// few broken characters.
fn from_windows_1252(bytes: &[u8], first_invalid: usize) -> Result<String, IngestError> {
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy
        .chars()
        .filter(|&c| c == char::REPLACEMENT_CHARACTER)
        .count();
    let whole = lossy.chars().filter(|c| !c.is_ascii()).count() - broken;
    if whole > broken {
        return Err(IngestError::DamagedUtf8 { at: first_invalid });
    }
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    let undefined =
        |byte: &u8| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D) || is_control(*byte);
    if bytes.iter().any(undefined) || high * 3 > bytes.len() {
        return Err(IngestError::UnknownEncoding);
    }
    Ok(WINDOWS_1252
        .decode_without_bom_handling(bytes)
        .0
        .into_owned())
}

/// The encoding named in the first bytes of a page: `<meta charset=…>`,
/// `<meta … content="text/html; charset=…">` or `<?xml … encoding=…?>`.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(2048)]).to_ascii_lowercase();
    let label = ["charset", "encoding"].iter().find_map(|name| {
        let after = start[start.find(name)? + name.len()..]
            .trim_start()
            .strip_prefix('=')?;
        let after = after.trim_start().trim_start_matches(['"', '\'']);
        after.split(['"', '\'', ' ', ';', '>', '?', '/']).next()
    })?;
    match Encoding::for_label(label.as_bytes())? {
        // The declaration could be read as ASCII, so the page is not UTF-16.
        e if e == UTF_16LE || e == UTF_16BE => Some(UTF_8),
        e => Some(e),
    }
}
