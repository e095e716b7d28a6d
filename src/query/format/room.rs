//! What a terminal has room for: which columns of a table are shown and how wide, and where a text is cut.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How much of a result is shown, in columns and rows of a terminal. The default is all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Columns of the terminal.
    pub width: Option<usize>,
    /// Rows of the result at most.
    pub rows: Option<u64>,
}

/// Stands where something was cut off or left out.
pub(super) const MARK: char = '…';

/// Cells that a column takes beside its text: `| ` before it and a space behind it.
const FRAME: usize = 3;

/// Texts are not made narrower than this where it lets every column be shown,
const NARROWEST: usize = 8;

/// and not narrower than this where columns have to be left out: an account or an IPv4 address has room.
const READABLE: usize = 16;

/// The columns of a table that are shown: some at its beginning and some at its end, and a mark between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fitted {
    pub first: usize,
    pub last: usize,
    /// Of the columns that are shown, in their order.
    pub widths: Vec<usize>,
}

/// Fits columns of these widths into a table of `width` cells. Columns that `is_rigid` says (numbers, times) are shown
/// whole or not at all, as long as more than one column is shown: a part of a number is another number. One that is
/// alone gets the room that there is, for its name.
pub(super) fn fit(natural: &[usize], is_rigid: &[bool], width: usize) -> Fitted {
    let columns = natural.len();
    let least = |narrowest: usize, column: usize| match is_rigid[column] {
        true => natural[column],
        false => natural[column].min(narrowest),
    };
    let total = (0..columns).map(|column| least(NARROWEST, column) + FRAME).sum::<usize>() + 1;
    if total <= width {
        let widths = narrowed(natural, is_rigid, width.saturating_sub(1 + columns * FRAME));
        return Fitted { first: columns, last: 0, widths };
    }
    // The closing bar, and the column with the mark.
    let room = width.saturating_sub(1 + FRAME + 1);
    let (mut first, mut last, mut taken) = (0, 0, 0);
    while first + last < columns {
        let next = if first <= last { first } else { columns - 1 - last };
        taken += least(READABLE, next) + FRAME;
        if taken > room {
            break;
        }
        if first <= last { first += 1 } else { last += 1 }
    }
    if first == 0 {
        let gap = if columns > 1 { FRAME + 1 } else { 0 };
        let widest = width.saturating_sub(1 + FRAME + gap).max(1);
        return Fitted { first: 1, last: 0, widths: vec![natural[0].min(widest)] };
    }
    let shown = |of: &[usize]| [&of[..first], &of[columns - last..]].concat();
    let rigid = [&is_rigid[..first], &is_rigid[columns - last..]].concat();
    let widths = narrowed(&shown(natural), &rigid, room - (first + last) * FRAME);
    Fitted { first, last, widths }
}

/// The widths with the widest texts narrowed, all to the same width, until their sum is at most `room`.
fn narrowed(natural: &[usize], is_rigid: &[bool], room: usize) -> Vec<usize> {
    let mut texts: Vec<usize> =
        natural.iter().zip(is_rigid).filter(|(_, rigid)| !**rigid).map(|(&width, _)| width).collect();
    texts.sort_unstable();
    let rigid: usize = natural.iter().zip(is_rigid).filter(|(_, rigid)| **rigid).map(|(&width, _)| width).sum();
    let mut left = room.saturating_sub(rigid);
    let mut wider = texts.len();
    for width in texts {
        if width > left / wider {
            break;
        }
        left -= width;
        wider -= 1;
    }
    if wider == 0 {
        return natural.to_vec();
    }
    let (widest, mut over) = (left / wider, left % wider);
    let narrow = |(&width, &rigid): (&usize, &bool)| {
        if rigid || width <= widest {
            return width;
        }
        let more = usize::from(over > 0);
        over -= more;
        widest + more
    };
    natural.iter().zip(is_rigid).map(narrow).collect()
}

/// The text in `width` cells at most; where something is cut off, a mark ends it.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}{MARK}", &text[..end_within(text, width.saturating_sub(1))]))
}

/// The text in pieces of at most `width` cells, one under the other; one piece at least.
pub(super) fn pieces(mut text: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while text.width() > width {
        let one = text.chars().next().map_or(0, char::len_utf8);
        let (piece, rest) = text.split_at(end_within(text, width).max(one));
        pieces.push(piece);
        text = rest;
    }
    if pieces.is_empty() || !text.is_empty() {
        pieces.push(text);
    }
    pieces
}

/// Where the longest beginning of a text ends that takes at most `width` cells.
fn end_within(text: &str, width: usize) -> usize {
    /// It makes a picture of the character before it, which is one cell wider then.
    const PICTURE: char = '\u{fe0f}';
    let mut used = 0;
    let fits = |(_, c): &(usize, char)| {
        used += if *c == PICTURE { 1 } else { c.width().unwrap_or(0) };
        used <= width
    };
    text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_narrowed_evenly_and_numbers_never() {
        let rigid = [false, true, false];
        assert_eq!(fit(&[5, 6, 7], &rigid, 80), Fitted { first: 3, last: 0, widths: vec![5, 6, 7] });
        assert_eq!(fit(&[40, 6, 40], &rigid, 60).widths, [22, 6, 22]);
        assert_eq!(fit(&[40, 6, 10], &rigid, 60).widths, [34, 6, 10]);
        assert_eq!(fit(&[40, 6, 40], &rigid, 61).widths, [23, 6, 22]);
    }

    #[test]
    fn columns_in_the_middle_are_left_out() {
        let fitted = fit(&[10; 30], &[true; 30], 80);
        assert_eq!((fitted.first, fitted.last), (3, 2));
        assert_eq!(fit(&[50], &[true], 20), Fitted { first: 1, last: 0, widths: vec![16] });
        assert_eq!(fit(&[50, 50], &[true, true], 20), Fitted { first: 1, last: 0, widths: vec![12] });
        assert_eq!(fit(&[], &[], 20), Fitted { first: 0, last: 0, widths: vec![] });
    }

    #[test]
    fn what_is_cut_takes_no_more_room_than_there_is() {
        assert_eq!(cut("10.0.0.1", 8), "10.0.0.1");
        assert_eq!(cut("10.0.0.11", 8), "10.0.0.…");
        assert_eq!(cut("日本語のテキスト", 6), "日本…");
        assert_eq!(pieces("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!((pieces("日本語", 1), pieces("", 4)), (vec!["日", "本", "語"], vec![""]));
        let hard = ["❤️❤️❤️❤️", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦 family", "e\u{301}e\u{301}e\u{301}e\u{301}", "🇩🇪🇫🇷🇯🇵", "1️⃣2️⃣3️⃣"];
        for text in hard {
            for width in 1..20 {
                let short = cut(text, width);
                assert!(short.width() <= width, "{text:?} in {width}: {short:?}");
                assert_eq!(pieces(text, width).concat(), text);
            }
        }
    }
}
