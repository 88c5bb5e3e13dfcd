//! The tests of the room.

mod slice;
