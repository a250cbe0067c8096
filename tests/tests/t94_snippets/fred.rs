//! A program of docs/clients.md, which is to be the same from the next line but one.

use fred::prelude::*;
use fred::types::config::UnresponsiveConfig;
use std::time::Duration;

pub async fn example(url: &str) -> Result<(i64, Option<String>), Error> {
    // redis-cluster://127.0.0.1:7000?node=127.0.0.1:7001
    let config = Config::from_url(url)?;
    let db = Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = Duration::from_secs(2);
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(Duration::from_secs(30)),
                interval: Duration::from_secs(5),
            };
        })
        .with_performance_config(|performance| {
            performance.default_command_timeout = Duration::from_secs(10);
        })
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2000, 2))
        .build()?;
    db.init().await?;
    let transaction = db.multi();
    let _: () = transaction.set("{job:4}:state", "new", None, None, false).await?;
    let _: () = transaction.incr("{job:4}:version").await?;
    let (_, version): (String, i64) = transaction.exec(true).await?;
    let state = db.get("{job:4}:state").await?;
    db.quit().await?;
    Ok((version, state))
}
