use super::*;

/// Gives the only core to each of these in turn, and says who got it when.
fn order(claims: &[(&'static str, Urgency)], time: Duration) -> Vec<(&'static str, usize)> {
    let cores = Cores::new(1);
    let mut state = cores.lock();
    let mut names = Vec::new();
    for (namespace, urgency) in claims {
        let claim = state.shares.claim(namespace, *urgency);
        names.push((claim.clone(), *namespace));
        state.wait(claim);
    }
    let (mut now, mut order) = (Instant::now(), Vec::new());
    while let Some((claim, _)) = state.next(now) {
        now += time;
        state.give_back(&claim, now);
        let index = names.iter().position(|(named, _)| *named == claim).unwrap();
        order.push((names[index].1, index));
    }
    order
}

const OPERATION: Duration = Duration::from_millis(2);
const ATTEMPT: Duration = Duration::from_millis(100);

#[test]
fn new_work_gets_a_core_before_old_work_of_whatever_namespace() {
    let claims = [
        ("a", Urgency::Backlog),
        ("b", Urgency::Backlog),
        ("a", Urgency::Fresh),
    ];
    let order = order(&claims, OPERATION);
    assert_eq!(order, [("a", 2), ("b", 1), ("a", 0)]);
}

#[test]
fn the_namespace_that_had_least_is_next() {
    let many = [("many", Urgency::Fresh); 4];
    let claims = [&many[..], &[("one", Urgency::Fresh)]].concat();
    let order = order(&claims, OPERATION);
    assert_eq!(order[..3], [("many", 0), ("one", 4), ("many", 1)]);
}

#[test]
fn new_work_without_end_does_not_keep_old_work_of_others_waiting() {
    let endless = [("endless", Urgency::Fresh); 20];
    let claims = [&[("old", Urgency::Backlog); 2][..], &endless].concat();
    let order = order(&claims, ATTEMPT);
    let place = |index| order.iter().position(|claim| *claim == ("old", index));
    assert_eq!((place(0), place(1)), (Some(10), Some(12)));
}

#[test]
fn lends_a_core_only_to_who_should_go_on_and_takes_it_back() {
    let cores = Cores::new(1);
    let (mut state, now) = (cores.lock(), Instant::now());
    let come = |state: &mut State, namespace| {
        let claim = state.shares.claim(namespace, Urgency::Fresh);
        state.wait(claim.clone());
        claim
    };
    let long = come(&mut state, "long");
    come(&mut state, "long");
    assert_eq!(state.next(now).unwrap().0, long);
    state.lend(now + ATTEMPT);
    assert!(state.next(now + ATTEMPT).is_none());
    let others = ["one", "two"].map(|namespace| come(&mut state, namespace));
    state.lend(now + ATTEMPT);
    assert_eq!(state.next(now + ATTEMPT).unwrap().0, others[0]);
    state.lend(now + ATTEMPT);
    assert!(state.next(now + ATTEMPT).is_none()); // no more than there are cores
    state.give_back(&others[0], now + ATTEMPT);
    assert!(state.next(now + ATTEMPT).is_none());
    state.give_back(&long, now + ATTEMPT);
    assert_eq!(state.next(now + ATTEMPT).unwrap().0, others[1]);
}

#[tokio::test]
async fn who_gave_way_goes_on_when_the_other_is_done() {
    let cores = Arc::new(Cores::new(1));
    let long = cores.acquire("long", Urgency::Backlog).await;
    let long = tokio::task::spawn_blocking(move || long.give_way());
    let long = long.await.unwrap(); // nobody waits
    let mut other = Box::pin(cores.acquire("other", Urgency::Fresh));
    assert!(futures::poll!(&mut other).is_pending());
    let long = tokio::task::spawn_blocking(move || long.give_way());
    let other = other.await;
    assert!(cores.are_busy() && !long.is_finished());
    drop(other);
    drop(long.await.unwrap());
    assert!(!cores.are_busy());
}

#[tokio::test]
async fn who_should_go_on_does_so_although_nobody_gives_way() {
    let cores = Arc::new(Cores::new(1));
    let _never_asks = cores.acquire("long", Urgency::Backlog).await;
    cores.acquire("other", Urgency::Fresh).await;
    assert!(cores.are_busy());
}

#[tokio::test]
async fn a_core_is_not_lost_with_who_waits_no_more() {
    let cores = Arc::new(Cores::new(1));
    for is_on_its_way in [false, true] {
        let first = cores.acquire("a", Urgency::Fresh).await;
        let mut gone = Box::pin(cores.acquire("a", Urgency::Fresh));
        assert!(futures::poll!(&mut gone).is_pending());
        match is_on_its_way {
            false => drop((gone, first)),
            true => drop((first, gone)),
        }
        assert!(!cores.are_busy());
        assert!(cores.lock().waiting.is_empty());
    }
}
