//! The fenced blocks of the pages. Behind the language, a word says how a block is run.

use super::{Page, pages};

/// One fenced block.
pub struct Block {
    pub page: String,
    /// The line of its fence, from 1.
    pub line: usize,
    pub language: String,
    /// What stands behind the language.
    pub mark: String,
    pub text: String,
}

impl Block {
    /// Where it stands, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

pub fn blocks() -> Vec<Block> {
    pages().iter().flat_map(of).collect()
}

fn of(page: &Page) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let (language, mark) = info.split_once(' ').unwrap_or((info, ""));
        let text: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        blocks.push(Block {
            page: page.name.clone(),
            line: at + 1,
            language: language.to_owned(),
            mark: mark.to_owned(),
            text: text.join("\n") + "\n",
        });
    }
    blocks
}

/// The lines of a page that are no part of a block.
pub fn prose(page: &Page) -> Vec<&str> {
    let mut is_block = false;
    let is_prose = |line: &&str| {
        let is_fence = line.starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    };
    page.text.lines().filter(is_prose).collect()
}
