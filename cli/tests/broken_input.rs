//! Whatever happens to a manifest on its way, kubeseal neither panics nor repeats a value.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use closed::{fixture, io};
use proptest::prelude::*;

const VALUE: &str = "hunter2 hunter2!";

const MANIFESTS: [&str; 3] = [
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n  a: hunter2 hunter2!\n  b: 12\n---\n{data: {x: \"hunter2 hunter2!\"}}\n",
    "kind: List\nitems:\n- metadata: {name: db, namespace: shop}\n  stringData:\n    a: |\n      hunter2 hunter2!\n    b: &x 'hunter2 hunter2!'\n    c: *x\n",
    "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"db\",\"namespace\":\"shop\"},\"stringData\":{\"a\":\"hunter2 hunter2!\"}}\n{\"data\":{\"b\":\"hunter2 hunter2!\"}}",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn is_refused_without_repeating_a_value(
        manifest in proptest::sample::select(&MANIFESTS[..]),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_usize, "[-:{}\\[\\]\"'|&*!,?# \n\t~a1]{0,2}"), 0..4),
    ) {
        let mut text: Vec<char> = manifest.chars().collect();
        for (place, removed, inserted) in changes {
            let start = place.index(text.len());
            let end = (start + removed).min(text.len());
            text.splice(start..end, inserted.chars());
        }
        let text: String = text.into_iter().collect();
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join("certificate.pem");
        std::fs::write(&certificate, fixture("rsa2048.pem")).unwrap();
        let (mut io, printed) = io(text.as_bytes(), std::iter::empty(), closed::NOW);
        let args = ["kubeseal", "--cert", certificate.to_str().unwrap(), "-o", "yaml"];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let code = runtime.block_on(cli::run(args.map(Into::into), &mut io));
        let output = printed.take();
        prop_assert!(code == 0 || output.stdout.is_empty());
        prop_assert_eq!(code == 0, !output.stderr.contains("error: "));
        prop_assert!(!output.stderr.contains(&VALUE[..8]), "{}", output.stderr);
    }
}
