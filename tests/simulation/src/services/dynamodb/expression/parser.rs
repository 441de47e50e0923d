//! Parser of expressions.
//!
//! `NOT` binds tighter than `AND`, which binds tighter than `OR`.

use super::{
    Placeholders,
    condition::{Comparator, Condition, Operand},
    lexer::{Token, tokens},
    path::{Path, Step},
};
use crate::services::dynamodb::value::Value;

/// DynamoDB: at most 100 operands of IN.
const MAX_IN: usize = 100;
/// Names of types, for `attribute_type`.
const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

/// Parses a condition.
pub fn condition<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<Condition<'a>, String> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, placeholders };
    let condition = parser.or()?;
    parser.end()?;
    Ok(condition)
}

/// Parses a list of paths.
pub fn paths<'a>(text: &'a str, placeholders: &mut Placeholders<'a>) -> Result<Vec<Path<'a>>, String> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, placeholders };
    let mut paths = vec![parser.path()?];
    while parser.take(",") {
        paths.push(parser.path()?);
    }
    parser.end()?;
    Ok(paths)
}

struct Parser<'a, 'p> {
    tokens: Vec<Token<'a>>,
    next: usize,
    placeholders: &'p mut Placeholders<'a>,
}

impl<'a> Parser<'a, '_> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.peek() == Some(Token::Symbol(symbol));
        self.next += usize::from(found);
        found
    }

    fn take_token(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), String> {
        if self.take(symbol) { Ok(()) } else { Err(self.error()) }
    }

    fn end(&self) -> Result<(), String> {
        if self.next == self.tokens.len() { Ok(()) } else { Err(self.error()) }
    }

    /// Returns the error that the next token is out of place.
    fn error(&self) -> String {
        let text = |token: &Token<'a>| token.text();
        let near = self.tokens[self.next.saturating_sub(1).min(self.tokens.len())..].iter().take(3).map(text);
        let near: Vec<_> = near.collect();
        let token = self.tokens.get(self.next).map_or("<EOF>", text);
        format!("Syntax error; token: \"{token}\", near: \"{}\"", near.join(" "))
    }

    fn or(&mut self) -> Result<Condition<'a>, String> {
        let mut condition = self.and()?;
        while self.take_token(Token::Or) {
            condition = Condition::Or(Box::new(condition), Box::new(self.and()?));
        }
        Ok(condition)
    }

    fn and(&mut self) -> Result<Condition<'a>, String> {
        let mut condition = self.not()?;
        while self.take_token(Token::And) {
            condition = Condition::And(Box::new(condition), Box::new(self.not()?));
        }
        Ok(condition)
    }

    fn not(&mut self) -> Result<Condition<'a>, String> {
        if self.take_token(Token::Not) {
            return Ok(Condition::Not(Box::new(self.not()?)));
        }
        if self.take("(") {
            let first = self.next;
            let condition = self.or()?;
            self.expect(")")?;
            if self.closing(first) == Some(self.next - 2) {
                return Err("The expression has redundant parentheses;".to_owned());
            }
            return Ok(condition);
        }
        match self.peek() {
            Some(Token::Word(name))
                if self.tokens.get(self.next + 1) == Some(&Token::Symbol("(")) && name != "size" =>
            {
                self.function(name)
            }
            _ => self.comparison(),
        }
    }

    /// Returns where the parenthesis that opens here closes.
    fn closing(&self, opening: usize) -> Option<usize> {
        let mut depth = 0;
        for (at, token) in self.tokens.iter().enumerate().skip(opening) {
            match token {
                Token::Symbol("(") => depth += 1,
                Token::Symbol(")") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return (at > opening).then_some(at);
            }
        }
        None
    }

    fn function(&mut self, name: &str) -> Result<Condition<'a>, String> {
        let arity = match name {
            "attribute_exists" | "attribute_not_exists" => 1,
            "attribute_type" | "begins_with" | "contains" => 2,
            _ => return Err(format!("Invalid function name; function: {name}")),
        };
        self.next += 2;
        let mut operands = vec![self.operand()?];
        while self.take(",") {
            operands.push(self.operand()?);
        }
        self.expect(")")?;
        if operands.len() != arity {
            return Err(format!(
                "Incorrect number of operands for operator or function; operator or function: {name}, number of \
                 operands: {}",
                operands.len()
            ));
        }
        let mut operands = operands.into_iter();
        let (Some(first), second) = (operands.next(), operands.next()) else { return Err(self.error()) };
        match (name, first, second) {
            ("attribute_exists", Operand::Path(path), None) => Ok(Condition::Exists(path)),
            ("attribute_not_exists", Operand::Path(path), None) => Ok(Condition::NotExists(path)),
            ("attribute_type", Operand::Path(path), Some(Operand::Value(Value::S(kind)))) => {
                if TYPES.contains(&kind.as_str()) {
                    return Ok(Condition::HasType(path, kind));
                }
                let types = TYPES.join(",");
                Err(format!("Invalid attribute type name found; type: {kind}, valid types: {{{types}}}"))
            }
            ("attribute_type", Operand::Path(_), Some(Operand::Value(value))) => Err(bad_type(name, value)),
            ("begins_with" | "contains", first, Some(second)) => {
                distinct(name, &first, &second)?;
                if name == "contains" {
                    return Ok(Condition::Contains(first, second));
                }
                for operand in [&first, &second] {
                    if let Operand::Value(value) = operand
                        && !matches!(value, Value::S(_) | Value::B(_))
                    {
                        return Err(bad_type(name, value));
                    }
                }
                Ok(Condition::BeginsWith(first, second))
            }
            _ => Err(format!("Operator or function requires a document path; operator or function: {name}")),
        }
    }

    fn comparison(&mut self) -> Result<Condition<'a>, String> {
        let operand = self.operand()?;
        if self.take_token(Token::Between) {
            let low = self.operand()?;
            if !self.take_token(Token::And) {
                return Err(self.error());
            }
            let high = self.operand()?;
            check_bounds(&low, &high)?;
            return Ok(Condition::Between(operand, low, high));
        }
        if self.take_token(Token::In) {
            self.expect("(")?;
            let mut candidates = vec![self.operand()?];
            while self.take(",") {
                candidates.push(self.operand()?);
            }
            self.expect(")")?;
            if candidates.len() > MAX_IN {
                let count = candidates.len();
                return Err(format!(
                    "Invalid number of operands for operator or function; operator or function: IN, number of operands: \
                     {count}"
                ));
            }
            return Ok(Condition::In(operand, candidates));
        }
        let Some(Token::Symbol(symbol)) = self.peek() else { return Err(self.error()) };
        let comparator = Comparator::of(symbol).ok_or_else(|| self.error())?;
        self.next += 1;
        let right = self.operand()?;
        distinct(comparator.symbol(), &operand, &right)?;
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            for side in [&operand, &right] {
                if let Operand::Value(value) = side
                    && !is_ordered(value)
                {
                    return Err(bad_type(comparator.symbol(), value));
                }
            }
        }
        Ok(Condition::Compare(operand, comparator, right))
    }

    fn operand(&mut self) -> Result<Operand<'a>, String> {
        match self.peek() {
            Some(Token::Value(placeholder)) => {
                self.next += 1;
                Ok(Operand::Value(self.placeholders.value(placeholder)?))
            }
            Some(Token::Word(name)) if self.tokens.get(self.next + 1) == Some(&Token::Symbol("(")) => {
                if name != "size" {
                    return Err(format!("Invalid function name; function: {name}"));
                }
                self.next += 2;
                let path = self.path()?;
                self.expect(")")?;
                Ok(Operand::Size(path))
            }
            _ => Ok(Operand::Path(self.path()?)),
        }
    }

    fn path(&mut self) -> Result<Path<'a>, String> {
        let attribute = self.name()?;
        let mut steps = Vec::new();
        loop {
            if self.take(".") {
                steps.push(Step::Name(self.name()?));
            } else if self.take("[") {
                let Some(Token::Number(number)) = self.peek() else { return Err(self.error()) };
                let index = number.parse().map_err(|_| self.error())?;
                self.next += 1;
                self.expect("]")?;
                steps.push(Step::Index(index));
            } else {
                return Ok(Path { attribute, steps });
            }
        }
    }

    fn name(&mut self) -> Result<&'a str, String> {
        let name = match self.peek() {
            Some(Token::Word(name)) => name,
            Some(Token::Name(placeholder)) => self.placeholders.name(placeholder)?,
            _ => return Err(self.error()),
        };
        self.next += 1;
        Ok(name)
    }
}

fn is_ordered(value: &Value) -> bool {
    matches!(value, Value::S(_) | Value::N(_) | Value::B(_))
}

fn bad_type(operator: &str, value: &Value) -> String {
    let kind = value.type_name();
    format!("Incorrect operand type for operator or function; operator or function: {operator}, operand type: {kind}")
}

fn distinct(operator: &str, first: &Operand<'_>, second: &Operand<'_>) -> Result<(), String> {
    if first == second && matches!(first, Operand::Path(_)) {
        return Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or function; operator: \
             {operator}, first operand: {first}"
        ));
    }
    Ok(())
}

fn check_bounds(low: &Operand<'_>, high: &Operand<'_>) -> Result<(), String> {
    for operand in [low, high] {
        if let Operand::Value(value) = operand
            && !is_ordered(value)
        {
            return Err(bad_type("BETWEEN", value));
        }
    }
    let rule = match (low, high) {
        (Operand::Value(Value::S(low)), Operand::Value(Value::S(high))) if low <= high => return Ok(()),
        (Operand::Value(Value::N(low)), Operand::Value(Value::N(high))) if low <= high => return Ok(()),
        (Operand::Value(Value::B(low)), Operand::Value(Value::B(high))) if low <= high => return Ok(()),
        (Operand::Value(low), Operand::Value(high)) if low.type_name() == high.type_name() => {
            "upper bound to be greater than or equal to lower bound"
        }
        (Operand::Value(_), Operand::Value(_)) => "same data type for lower and upper bounds",
        _ => return Ok(()),
    };
    Err(format!("The BETWEEN operator requires {rule}; lower bound operand: {low}, upper bound operand: {high}"))
}
