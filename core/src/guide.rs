//! A page for those who take it onto a board: [`board`].

#[doc = include_str!("../docs/board.md")]
pub mod board {}
