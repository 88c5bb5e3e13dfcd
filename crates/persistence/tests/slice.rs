use persistence::{Commit, JournalStore, Options, Row, Scan, Store, Table, Write};

fn commit(subject: &str, expected: u64, state: &str) -> Commit {
    Commit {
        subject: subject.into(),
        expected,
        state: Some(Row::new(state, "who")),
        writes: vec![Write::Put {
            table: Table::Timers,
            key: format!("t/{subject}").into(),
            row: Row::open(state),
        }],
        history: vec![Row::new(state, "name")],
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..3_u64 {
        let store = JournalStore::open(folder.path(), Options::default()).unwrap();
        for number in 0..50 {
            let subject = format!("item/{number}");
            let done = store
                .commit(commit(&subject, round, &format!("s{round}")))
                .await
                .unwrap();
            assert_eq!(done.version, round + 1);
        }
        assert_eq!(
            store
                .scan(Scan::prefix(Table::Timers, "t/"))
                .await
                .unwrap()
                .len(),
            50
        );
        let report = store.verify().await.unwrap();
        assert_eq!(report.records, 50 * (round + 1));
        assert_eq!(
            store.history(b"item/7", 0, 100).await.unwrap().len() as u64,
            round + 1
        );
        if round == 1 {
            assert_eq!(store.erase_personal(b"item/7").await.unwrap(), 2);
            assert!(
                store
                    .history(b"item/7", 0, 100)
                    .await
                    .unwrap()
                    .iter()
                    .all(|e| e.erased)
            );
        }
        store.verify().await.unwrap();
        println!("{:?}", store.stats());
        if round != 1 {
            store.close().await.unwrap();
        }
    }
}
