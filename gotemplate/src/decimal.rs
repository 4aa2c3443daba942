//! Decimal numbers, in which floats are added and divided without their binary noise.

use num_bigint::{BigInt, Sign};

use crate::budget::Budget;
use crate::error::Fault;

/// Digits behind the point of a quotient.
const DIVISION_DIGITS: i64 = 16;

/// `coefficient × 10^exponent`
#[derive(Clone)]
pub(crate) struct Decimal {
    coefficient: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The decimal with the fewest digits that reads back as this float.
    pub(crate) fn from_float(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return None;
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.parse().ok()?;
        Some(Self {
            coefficient: format!("{whole}{fraction}").parse().ok()?,
            exponent: exponent - fraction.len() as i64,
        })
    }

    /// The nearest float.
    pub(crate) fn to_float(&self) -> f64 {
        let text = format!("{}e{}", self.coefficient, self.exponent);
        text.parse().unwrap_or(f64::NAN)
    }

    pub(crate) fn add(&self, other: &Self, budget: &mut Budget) -> Result<Self, Fault> {
        let exponent = self.exponent.min(other.exponent);
        let sum = self.at(exponent, budget)? + other.at(exponent, budget)?;
        Ok(Self {
            coefficient: sum,
            exponent,
        })
    }

    pub(crate) fn sub(&self, other: &Self, budget: &mut Budget) -> Result<Self, Fault> {
        let negative = Self {
            coefficient: -&other.coefficient,
            exponent: other.exponent,
        };
        self.add(&negative, budget)
    }

    pub(crate) fn mul(&self, other: &Self, budget: &mut Budget) -> Result<Self, Fault> {
        pay(budget, self.coefficient.bits() + other.coefficient.bits())?;
        Ok(Self {
            coefficient: &self.coefficient * &other.coefficient,
            exponent: self.exponent + other.exponent,
        })
    }

    /// The quotient, rounded half away from zero; there is none by zero.
    pub(crate) fn div(&self, other: &Self, budget: &mut Budget) -> Result<Self, Fault> {
        if other.coefficient.sign() == Sign::NoSign {
            return Err(Fault::Failed);
        }
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        let scale = power_of_ten(shift.unsigned_abs(), budget)?;
        let (dividend, divisor) = if shift < 0 {
            (self.coefficient.clone(), &other.coefficient * scale)
        } else {
            (&self.coefficient * scale, other.coefficient.clone())
        };
        pay(budget, dividend.bits() + divisor.bits())?;
        let mut quotient = &dividend / &divisor;
        let rest = dividend.clone() - &quotient * &divisor;
        if (rest * 2i32).magnitude() >= divisor.magnitude() {
            if (dividend.sign() == Sign::Minus) == (divisor.sign() == Sign::Minus) {
                quotient += 1;
            } else {
                quotient -= 1;
            }
        }
        Ok(Self {
            coefficient: quotient,
            exponent: -DIVISION_DIGITS,
        })
    }

    /// The coefficient for a smaller exponent.
    fn at(&self, exponent: i64, budget: &mut Budget) -> Result<BigInt, Fault> {
        let scale = power_of_ten((self.exponent - exponent).unsigned_abs(), budget)?;
        Ok(&self.coefficient * scale)
    }
}

fn power_of_ten(exponent: u64, budget: &mut Budget) -> Result<BigInt, Fault> {
    let exponent = u32::try_from(exponent).map_err(|_| Fault::Failed)?;
    pay(budget, u64::from(exponent) * 4)?;
    Ok(BigInt::from(10).pow(exponent))
}

/// Long numbers cost more than their length.
fn pay(budget: &mut Budget, bits: u64) -> Result<(), Fault> {
    let words = bits / 64 + 1;
    budget.spend(words.saturating_mul(words) / 16)?;
    budget.allocate(usize::try_from(bits / 4).unwrap_or(usize::MAX))
}
