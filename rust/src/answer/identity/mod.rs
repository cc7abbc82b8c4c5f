//! Whether two expressions are the same number or the same function.
//!
//! [`graph`] holds expressions as shared terms in which exponentials, powers, sines and logarithms are reduced to a few
//! independent atoms; [`evaluate`] encloses their values in balls; [`decide`] proves "different" by disjoint balls and "equal"
//! by an exact zero test: root separation for algebraic numbers, identity testing for everything that holds variables
//! or transcendental atoms.

mod ball;
mod build;
mod calls;
mod complex;
mod decide;
mod doubles;
mod evaluate;
mod factor;
mod field;
mod functions;
mod glance;
mod graph;
mod logs;
mod reduce;
mod sample;
mod separation;
mod special;
mod sums;
mod term;
mod zeta;

pub use ball::Ball;
pub use build::Builder;
pub use complex::Complex;
pub use decide::{Decision, Known, Proof, compare, enclosed, is_zero, sign};
pub use glance::{Glance, glance, order, sign_at};
pub use graph::{Graph, Id, Term};
