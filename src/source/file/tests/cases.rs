//! Histories of which each was worth a thought.

use super::*;

/// Puts `content` into the file `name`, changed now.
fn put(world: &mut World, name: &str, content: &[u8]) {
    fs::write(world.path(name), content).unwrap();
    let file = File::options().append(true).open(world.path(name)).unwrap();
    world.touch(&file);
}

/// Lines that no other is like, from `first` on, of 30 bytes each.
fn lines(first: usize, count: usize) -> String {
    (first..first + count).fold(String::new(), |text, number| text + &format!("{{{number:027}}}\n"))
}

#[test]
fn a_file_with_another_beginning_is_read_from_its_beginning_though_its_end_is_the_same() {
    let mut world = World::new();
    put(&mut world, "log", lines(0, 100).as_bytes());
    world.look(1000);
    world.drain();
    assert_eq!(world.taken.len(), 100);
    put(&mut world, "log", (lines(500, 1) + &lines(1, 99)).as_bytes());
    world.look(1000);
    world.drain();
    assert_eq!(world.taken.len(), 200, "whether an event is new is for the engine to say");
    assert_eq!(world.taken[100], lines(500, 1).trim());
}

#[test]
fn a_copy_under_way_is_not_read_and_a_copy_that_stays_short_is() {
    let mut world = World::new();
    let whole = lines(0, 100);
    put(&mut world, "log", whole.as_bytes());
    world.look(1000);
    world.drain();
    for bytes in [1500, 2900, 3000] {
        put(&mut world, "log.copy", &whole.as_bytes()[..bytes]);
        world.look(1000);
        world.drain();
        assert_eq!(world.taken.len(), 100, "{bytes}");
    }
    put(&mut world, "log.copy", (whole.clone() + &lines(100, 1)).as_bytes());
    world.look(1000);
    world.drain();
    assert_eq!(world.taken.len(), 101, "only what the copy has besides");
    put(&mut world, "log.short", &whole.as_bytes()[..1500]);
    world.look(1000);
    world.drain();
    assert_eq!(world.taken.len(), 101);
    world.look(QUIET_MILLIS);
    world.drain();
    assert_eq!(world.taken.len(), 151);
}

#[test]
fn a_compressed_file_is_read_when_it_has_stopped_growing_and_damage_counts_once() {
    let mut world = World::new();
    let whole = zstd::encode_all(lines(0, 20_000).as_bytes(), 1).unwrap();
    put(&mut world, "log.zst", &whole[..whole.len() / 2]);
    world.look(0);
    world.drain();
    assert_eq!(world.taken.len(), 0, "it may be growing");
    world.look(1000);
    world.drain();
    let half = world.taken.len();
    assert!(half > 0 && half < 20_000 && world.rejected == 0, "{half}");
    put(&mut world, "log.zst", &whole);
    for _ in 0..2 {
        world.look(1000);
        world.drain();
    }
    assert_eq!((world.taken.len(), world.rejected), (20_000, 0));
    put(&mut world, "log.2.zst", &zstd::encode_all(lines(20_000, 9).as_bytes(), 1).unwrap()[..40]);
    for _ in 0..4 {
        world.look(QUIET_MILLIS);
        world.drain();
        world.restart();
    }
    assert_eq!((world.taken.len(), world.rejected), (20_000, 1));
}

#[test]
fn a_file_that_is_gone_is_let_go_when_it_has_been_quiet() {
    let mut world = World::new();
    put(&mut world, "log", lines(0, 3).as_bytes());
    world.look(1000);
    world.drain();
    fs::remove_file(world.path("log")).unwrap();
    for (millis, held) in [(1000, 1), (QUIET_MILLIS - 1, 1), (1, 0)] {
        world.look(millis);
        world.drain();
        assert_eq!(world.follower.held(), held);
    }
}
