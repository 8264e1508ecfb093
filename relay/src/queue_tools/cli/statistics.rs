//! `stats`: how much is in the queue.

use jiff::Timestamp;

use super::{
    End, Output, Relay, Trouble,
    human::{Size, Span},
};
use crate::queue_tools::wire::Statistics;

pub(super) async fn run(relay: &Relay, output: &mut Output) -> Result<End, Trouble> {
    let statistics = relay.statistics().await?;
    output.line(&statistics, describe(&statistics, Timestamp::now()))?;
    output.flush()?;
    Ok(End::Done)
}

fn describe(statistics: &Statistics, now: Timestamp) -> String {
    let Statistics { messages, held, claimed, unreadable, set_aside, oldest, body_bytes, used_bytes, quota_bytes } = statistics;
    let oldest = oldest.map_or_else(|| "none".to_owned(), |oldest| format!("{oldest:.0} ({} ago)", Span::between(oldest, now)));
    let (content, used, quota) = (Size(*body_bytes), Size(*used_bytes), Size(*quota_bytes));
    let text = format!(
        "messages         {messages}\n\
         held             {held}\n\
         being delivered  {claimed}\n\
         oldest           {oldest}\n\
         content          {content}\n\
         on the disk      {used} of {quota}"
    );
    let mut lines = vec![text];
    if *unreadable > 0 {
        lines.push(format!("left alone       {unreadable}, which a newer version wrote: run that again"));
    }
    if *set_aside > 0 {
        lines.push(format!("set aside        {set_aside} since the relay began, which are corrupt"));
    }
    lines.join("\n")
}
