//! Types and kinds by name, and deep equality.

use crate::compare::deep_equal;
use crate::function::Function;
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 6] = [
    Function::new("typeOf", "a", |context, args| {
        context.text(args.any(0)?.type_name().as_bytes())
    }),
    Function::new("typeIs", "sa", |_, args| {
        let name = args.any(1)?.type_name();
        Ok(Value::Bool(**args.text(0)? == *name.as_bytes()))
    }),
    Function::new("typeIsLike", "sa", |_, args| {
        let name = args.any(1)?.type_name();
        let target = name.strip_prefix('*').unwrap_or(name);
        let wanted = &**args.text(0)?;
        Ok(Value::Bool(
            wanted == name.as_bytes() || wanted == target.as_bytes(),
        ))
    }),
    Function::new("kindOf", "a", |context, args| {
        context.text(args.any(0)?.kind_name().as_bytes())
    }),
    Function::new("kindIs", "sa", |_, args| {
        let name = args.any(1)?.kind_name();
        Ok(Value::Bool(**args.text(0)? == *name.as_bytes()))
    }),
    Function::new("deepEqual", "aa", |context, args| {
        let equal = deep_equal(context.budget, args.any(0)?, args.any(1)?)?;
        Ok(Value::Bool(equal))
    }),
];
