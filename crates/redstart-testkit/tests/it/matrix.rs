//! One test on everything.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redstart_testkit::{Deployment, Matrix, ServerBinary, Topology};

use crate::{assert_no_trace, traces};

#[test]
fn a_test_runs_on_every_deployment_and_url() {
    let mut seen = Vec::new();
    let mut left = Vec::new();
    let matrix = Matrix::of_servers().expect("a server");
    matrix.url("embedded", "memory:").run(|target| {
        let scheme = target.url().split(':').next().unwrap_or_default();
        seen.push(scheme.to_owned());
        match target.deployment() {
            Some(deployment) => {
                assert_eq!(deployment.url(), target.url().to_owned());
            }
            None => assert_eq!((target.name(), target.url()), ("embedded", "memory:")),
        }
        let servers = target
            .deployment()
            .map(|deployment| traces(deployment.servers()));
        left.extend(servers.unwrap_or_default());
    });
    let per_server = ["redis+unix", "redis+sentinel", "redis+cluster"];
    let servers = ServerBinary::installed().expect("a server").len();
    let mut expected = per_server.repeat(servers);
    expected.push("memory");
    assert_eq!(seen, expected);
    assert_no_trace(&left);
}

#[test]
fn a_failure_names_where_and_the_others_run_all_the_same() {
    let mut seen = Vec::new();
    let matrix = Matrix::new().url("one", "memory:1").url("two", "memory:2");
    let matrix = matrix.url("three", "memory:3");
    let failed = catch_unwind(AssertUnwindSafe(|| {
        matrix.run(|target| {
            seen.push(target.name().to_owned());
            assert_ne!(target.name(), "two");
        });
    }));
    let said = failed.expect_err("one has failed");
    let said = said.downcast_ref::<String>().expect("a text");
    assert_eq!(said, "failed on two");
    assert_eq!(seen, ["one", "two", "three"]);
}

#[test]
fn targets_are_started_one_by_one() {
    let matrix = Matrix::of(&[Topology::Standalone]).expect("a server");
    for target in matrix.targets() {
        let mut target = target.expect("started");
        let Some(deployment @ Deployment::Standalone(_)) = target.deployment() else {
            panic!("{target:?}");
        };
        assert_eq!(deployment.topology().name(), "standalone");
        let left = traces(deployment.servers());
        deployment.stop().expect("stopped");
        drop(target);
        assert_no_trace(&left);
    }
}
