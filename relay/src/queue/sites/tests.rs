use tokio::time::advance;

use super::*;

const BOUNDS: Bounds = Bounds { deliveries: 100, per_site: 2, times: RetryTimes { first_seconds: 300, longest_seconds: 3600 } };

fn site(number: u64) -> SiteKey {
    SiteKey::numbered(number)
}

fn sites() -> Sites {
    Sites::new(Gauge::default())
}

fn refused() -> Failure {
    Failure::new(451, (4, 4, 1), "does not answer")
}

async fn enter(sites: &Sites, number: u64) -> Pass {
    match sites.enter(&site(number), &BOUNDS).await {
        Admission::Enter(pass) => pass,
        other => panic!("{other:?}"),
    }
}

async fn blocked(sites: &Sites, number: u64) -> Duration {
    match sites.enter(&site(number), &BOUNDS).await {
        Admission::Blocked(wait, reason) => {
            assert_eq!(reason, refused());
            wait
        }
        other => panic!("{other:?}"),
    }
}

/// One that asks in the background, and stands in line by now.
async fn asking(sites: &Sites, number: u64) -> tokio::task::JoinHandle<Admission> {
    let sites = sites.clone();
    let asking = tokio::spawn(async move { sites.enter(&site(number), &BOUNDS).await });
    tokio::task::yield_now().await;
    asking
}

#[tokio::test(start_paused = true)]
async fn a_site_takes_so_many_at_once_and_the_next_when_one_is_done() {
    let sites = sites();
    let (first, _second) = (enter(&sites, 1).await, enter(&sites, 1).await);
    let third = asking(&sites, 1).await;
    assert!(!third.is_finished());
    first.reached(&BOUNDS);
    assert!(matches!(third.await.unwrap(), Admission::Enter(_)));
}

#[tokio::test(start_paused = true)]
async fn a_site_with_a_long_line_holds_no_other() {
    let sites = sites();
    let _running = [enter(&sites, 1).await, enter(&sites, 1).await];
    sites.0.lock().get_mut(&site(1)).unwrap().pace = Duration::from_secs(1);
    // A second each, two at once, for ten seconds.
    for _ in 0..20 {
        drop(asking(&sites, 1).await);
    }
    let Admission::Later(first) = sites.enter(&site(1), &BOUNDS).await else { panic!() };
    let Admission::Later(second) = sites.enter(&site(1), &BOUNDS).await else { panic!() };
    assert!(first >= LINE_TIME && second > first, "{first:?}, {second:?}");
    drop(enter(&sites, 2).await);
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_quick_site_may_be_longer() {
    let sites = sites();
    let keep = enter(&sites, 1).await;
    for _ in 0..60 {
        let pass = enter(&sites, 1).await;
        advance(Duration::from_millis(1)).await;
        pass.reached(&BOUNDS);
    }
    let known = sites.0.lock();
    assert_eq!(known[&site(1)].longest_line(&BOUNDS), MAX_LINE);
    drop(known);
    drop(keep);
}

#[tokio::test(start_paused = true)]
async fn nobody_stands_in_line_for_ever_and_who_does_in_vain_makes_it_shorter() {
    let sites = sites();
    let _running = [enter(&sites, 1).await, enter(&sites, 1).await];
    let longest = || sites.0.lock()[&site(1)].longest_line(&BOUNDS);
    let before = longest();
    assert!(matches!(sites.enter(&site(1), &BOUNDS).await, Admission::Later(_)));
    assert!(longest() < before, "{} and {before}", longest());
}

#[tokio::test(start_paused = true)]
async fn all_sites_together_take_so_many_at_once() {
    let sites = sites();
    let bounds = Bounds { deliveries: 1, ..BOUNDS };
    let Admission::Enter(pass) = sites.enter(&site(1), &bounds).await else { panic!() };
    assert!(matches!(sites.enter(&site(2), &bounds).await, Admission::Later(_)));
    drop(pass);
    assert!(matches!(sites.enter(&site(2), &bounds).await, Admission::Enter(_)));
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_changes_counts_at_once() {
    let sites = sites();
    let _running = [enter(&sites, 1).await, enter(&sites, 1).await];
    let wider = Bounds { per_site: 3, ..BOUNDS };
    assert!(matches!(sites.enter(&site(1), &wider).await, Admission::Enter(_)));
}

#[tokio::test(start_paused = true)]
async fn a_site_that_can_not_be_reached_is_blocked_and_no_other() {
    let sites = sites();
    enter(&sites, 1).await.failed(refused(), &BOUNDS);
    let wait = blocked(&sites, 1).await;
    assert!(wait >= FIRST_BLOCK && wait <= FIRST_BLOCK.mul_f64(1.3), "{wait:?}");
    drop(enter(&sites, 2).await);
}

#[tokio::test(start_paused = true)]
async fn when_a_block_is_over_one_finds_out_and_the_others_wait_for_its_word() {
    let sites = sites();
    enter(&sites, 1).await.failed(refused(), &BOUNDS);
    advance(FIRST_BLOCK).await;
    let probe = enter(&sites, 1).await;
    let others = [asking(&sites, 1).await, asking(&sites, 1).await];
    assert!(others.iter().all(|other| !other.is_finished()));
    probe.reached(&BOUNDS);
    for other in others {
        assert!(matches!(other.await.unwrap(), Admission::Enter(_)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_blocks_twice_as_long_and_sends_the_others_away() {
    let sites = sites();
    enter(&sites, 1).await.failed(refused(), &BOUNDS);
    advance(FIRST_BLOCK).await;
    let probe = enter(&sites, 1).await;
    let other = asking(&sites, 1).await;
    probe.failed(refused(), &BOUNDS);
    assert!(matches!(other.await.unwrap(), Admission::Blocked(wait, _) if wait >= FIRST_BLOCK * 2));
    advance((FIRST_BLOCK * 2).saturating_sub(Duration::from_millis(1))).await;
    blocked(&sites, 1).await;
}

#[tokio::test(start_paused = true)]
async fn deliveries_that_fail_together_are_one_failure() {
    let sites = sites();
    let running = [enter(&sites, 1).await, enter(&sites, 1).await];
    for pass in running {
        pass.failed(refused(), &BOUNDS);
    }
    advance(FIRST_BLOCK).await;
    drop(enter(&sites, 1).await);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_never_came_back_is_followed_by_another() {
    let sites = sites();
    enter(&sites, 1).await.failed(refused(), &BOUNDS);
    advance(FIRST_BLOCK).await;
    drop(enter(&sites, 1).await);
    drop(enter(&sites, 1).await);
}

#[tokio::test(start_paused = true)]
async fn what_is_idle_and_in_order_is_forgotten() {
    let sites = sites();
    enter(&sites, 1).await.reached(&BOUNDS);
    enter(&sites, 2).await.failed(refused(), &BOUNDS);
    assert_eq!(sites.0.lock().len(), 1);
    assert_eq!(sites.0.blocked.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_so_many_blocks_are_remembered_and_old_ones_make_room() {
    let sites = sites();
    let many = u64::try_from(MAX_BLOCKS).unwrap();
    for number in 0..=many {
        enter(&sites, number).await.failed(refused(), &BOUNDS);
    }
    drop(enter(&sites, many).await);
    advance(FIRST_BLOCK).await;
    enter(&sites, many).await.failed(refused(), &BOUNDS);
    blocked(&sites, many).await;
}
