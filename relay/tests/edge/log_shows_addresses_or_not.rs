//! What the log shows of mailboxes, and its form.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::Started;

/// The lines of a relay, as it logs with `options`, after a recipient that it refused.
async fn lines(options: &[&str]) -> Result<Vec<String>> {
    let mut relay = Started::with(options).await?;
    let mut client = relay.client().await?;
    client.ask(r#"RCPT TO:<"john doe"@foreign.example>"#, 550).await?;
    relay.process.line("foreign.example").await?;
    Ok(relay.process.log())
}

#[tokio::test]
async fn each_line_is_one_json_object_with_the_mailboxes_in_it() -> Result<()> {
    let lines = lines(&["--log-format", "json"]).await?;
    let mut refused = None;
    for line in lines {
        let value: Value = serde_json::from_str(&line).context(line)?;
        ensure!(value["timestamp"].is_string() && value["level"].is_string() && value["message"].is_string(), "{value}");
        if value["message"] == "recipient refused" {
            refused = Some(value);
        }
    }
    let refused = refused.context("no line tells of the recipient")?;
    ensure!(refused["to"] == r#"<"john doe"@foreign.example>"# && refused["from"] == "<sender.of.mail@client.test>", "{refused}");
    Ok(())
}

#[tokio::test]
async fn redacted_lines_keep_their_form_and_no_local_part() -> Result<()> {
    for format in ["json", "text"] {
        let lines = lines(&["--log-format", format, "--redact-addresses", "--log-level", "debug"]).await?;
        let text = lines.join("\n");
        ensure!(text.contains("<[redacted]@foreign.example>") && text.contains("<[redacted]@client.test>"), "{text}");
        ensure!(!text.contains("doe") && !text.contains("sender"), "{text}");
        if format == "json" {
            lines.iter().try_for_each(|line| serde_json::from_str::<Value>(line).map(drop).context(line.clone()))?;
        }
    }
    Ok(())
}
