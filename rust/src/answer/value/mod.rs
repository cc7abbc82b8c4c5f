//! What an answer is, once read: an exact value, a sequence or list of them, a relation, or text.

mod chart;
mod constants;
mod ellipsis;
mod equation;
mod evaluate;
mod forms;
mod inequality;
mod inequation;
mod literal;
mod matrix;
mod pieces;
mod polynomial;
mod ratio;
mod region;
mod root;
mod roots;
mod shape;
mod trigonometry;
mod vectors;

pub use chart::substituted;
pub use equation::Equation;
pub use evaluate::evaluate;
pub use inequality::region_of;
pub use inequation::{Inequality, System};
pub use literal::Printed;
pub use pieces::Piece;
pub use polynomial::{Atom, Monomial, Polynomial};
pub use ratio::Ratio;
pub use region::Region;
pub use shape::{Based, Leaf, Value, shape};
pub use vectors::components;
