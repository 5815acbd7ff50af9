use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::*;
use crate::event::{Privacy, Timestamp, Treatment};
use crate::journal::{Parcel, Receipt, inlet};

const LINE: &str = r#"192.0.2.1 - - [22/Nov/2026:01:11:36 +0000] "GET /x HTTP/1.1" 200 3 "-" "-""#;

struct World {
    address: SocketAddr,
    inlet: Inlet,
    parcels: mpsc::Receiver<Parcel>,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<()>,
    lines: u64,
}

impl World {
    fn start(transport: Transport, from: Option<&str>) -> Self {
        let (inlet, parcels) = inlet(8);
        let privacy = Privacy::new(Treatment::Hash, b"key");
        let tallier = Tallier::new(Arc::default(), "nginx_combined", Some("web"), privacy).unwrap();
        let from = from.map(|network| Internal::new([network].into_iter()).unwrap());
        let listen = Listen { transport, address: (Ipv4Addr::LOCALHOST, 0).into(), from };
        let clock = Clock::starting_at(Timestamp::from_millis(1_795_310_000_000));
        let syslog = Syslog::bind(listen, tallier, inlet.clone(), clock).unwrap();
        let address = syslog.address().unwrap();
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(syslog.run(stopped));
        Self { address, inlet, parcels, stop, running, lines: 0 }
    }

    async fn udp(&self, message: &str) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.send_to(message.as_bytes(), self.address).await.unwrap();
    }

    async fn tcp(&self, stream: &str) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        // One that may not send is closed at once.
        drop(socket.write_all(stream.as_bytes()).await);
    }

    fn take(&mut self, parcel: Parcel) {
        for record in &parcel.delivery.records {
            let Record::Edge(tally) = record else { panic!("{record:?}") };
            assert_eq!(&*tally.tier, "web");
            self.lines += tally.requests();
        }
        parcel.reply.send(Ok(Receipt::default())).unwrap();
    }

    async fn take_until(&mut self, lines: u64) {
        while self.lines < lines {
            let parcel = self.parcels.recv().await.unwrap();
            self.take(parcel);
        }
    }

    /// Waits until this was refused once: what happens then is not told in any other way.
    async fn refused(&self, reason: Reason) {
        let refused =
            Record::Refused { source: Source::Edge, duplicates: 0, rejected: vec![(reason, 1)] };
        for _ in 0..10_000 {
            match self.inlet.refusals().drain() {
                found if found.is_empty() => tokio::time::sleep(Duration::from_millis(1)).await,
                found => return assert_eq!(found, std::slice::from_ref(&refused)),
            }
        }
        panic!("nothing was refused");
    }
}

#[tokio::test]
async fn lines_in_datagrams_count_and_rubbish_is_refused_by_its_reason() {
    let mut world = World::start(Transport::Udp, None);
    world.udp(&format!("<190>Nov 22 01:11:36 edge1 nginx: {LINE}")).await;
    world.take_until(1).await;
    world.udp("<190>Nov 22 01:11:36 edge1 nginx: rubbish").await;
    world.refused(Reason::NotALine).await;
    world.udp(LINE).await;
    world.take_until(2).await;
}

#[tokio::test]
async fn a_connection_carries_messages_by_length_and_by_line_end() {
    let mut world = World::start(Transport::Tcp, Some("127.0.0.0/8"));
    let message = format!("<190>1 2026-11-22T01:11:36Z edge1 nginx - - - {LINE}");
    world.tcp(&format!("{LINE}\n{} {message}{message}\n{LINE}", message.len())).await;
    world.take_until(4).await;
    assert_eq!(world.lines, 4);
}

#[tokio::test]
async fn whoever_is_not_named_may_not_send() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let world = World::start(transport, Some("192.0.2.0/24"));
        match transport {
            Transport::Udp => world.udp(LINE).await,
            Transport::Tcp => world.tcp(LINE).await,
        }
        world.refused(Reason::Unauthorized).await;
    }
}

#[tokio::test]
async fn the_journal_gets_again_what_it_refused_and_the_end_waits_for_it() {
    let mut world = World::start(Transport::Udp, None);
    world.udp(LINE).await;
    let parcel = world.parcels.recv().await.unwrap();
    parcel.reply.send(Err(InletError::Storage("disk full".into()))).unwrap();
    world.take_until(1).await;
    world.udp(LINE).await;
    let last = world.parcels.recv().await.unwrap();
    world.stop.send(true).unwrap();
    world.take(last);
    world.running.await.unwrap();
    assert_eq!(world.lines, 2);
}
