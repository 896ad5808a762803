//! A bar over the file that comes from the Hugging Face hub.

use std::sync::Mutex;
use std::time::Duration;

use hydrometer_models::{Fetching, Network};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// The same network, whose files are watched at this terminal.
pub fn watched(network: Network, terminal: &Terminal) -> Network {
    if !terminal.live() {
        return network;
    }
    let bar: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    network.telling(move |fetching: &Fetching| {
        let mut bar = bar.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_other = bar.as_ref().is_none_or(|(file, _)| *file != fetching.file);
        if is_other {
            *bar = Some((fetching.file.clone(), of_file(fetching)));
        }
        if let Some((_, bar)) = &*bar {
            bar.set_position(fetching.done);
            if fetching.done == fetching.total {
                bar.finish_and_clear();
            }
        }
    })
}

fn of_file(fetching: &Fetching) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(fetching.total), ProgressDrawTarget::stderr());
    // Only a template with unknown keys can be refused, and this one is constant.
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}")
    {
        bar.set_style(style.progress_chars("━━╌"));
    }
    // A name of the hub's is somebody's text.
    bar.set_message(hydrometer_report::visible(&fetching.file));
    bar.set_position(fetching.done);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_secs(1));
    bar
}
