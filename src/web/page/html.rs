//! The frame of every page, and text that can stand in it.

use std::fmt::{self, Display, Write};

use crate::event::Timestamp;

/// The pages to which every page leads: address and name.
const PAGES: [(&str, &str); 6] = [
    ("/", "Status"),
    ("/incidents", "Incidents"),
    ("/sessions", "Sign-ins"),
    ("/edge", "Edge"),
    ("/silences", "Silences"),
    ("/#health", "Health"),
];

/// Who looks at a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum Visitor {
    /// A browser that signed in, and may sign out.
    SignedIn,
    /// Anybody else.
    Other,
}

/// A page in the making. What others wrote goes through [`Escaped`].
pub(in crate::web) struct Html(String);

impl Html {
    /// The beginning, up to the content. `name` is the page's name among the tabs of a browser.
    pub(in crate::web) fn begin(name: &str, visitor: Visitor) -> Self {
        Self::frame(
            name,
            visitor,
            "<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>\n",
        )
    }

    /// The beginning of a page with a form, which is never loaded anew by itself: that would lose what somebody writes.
    pub(in crate::web) fn still(name: &str, visitor: Visitor) -> Self {
        Self::frame(name, visitor, "")
    }

    fn frame(name: &str, visitor: Visitor, refresh: &str) -> Self {
        let links = PAGES.map(|(address, page)| {
            let here = if page == name { " aria-current=\"page\"" } else { "" };
            format!("<a href=\"{address}\"{here}>{page}</a>")
        });
        let (name, links) = (Escaped(name), links.join(" "));
        let leave = match visitor {
            Visitor::SignedIn => {
                "<form class=\"leave\" method=\"post\" action=\"/logout\"><button>Sign out</button></form>"
            }
            Visitor::Other => "",
        };
        let mut html = Self(String::with_capacity(32 * 1024));
        html.line(format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{name} · ssowatch</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
             <script src=\"/live.js\" defer></script>\n{refresh}</head>\n<body>\n\
             <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
             <header><a class=\"brand\" href=\"/\">ssowatch</a>\n\
             <nav aria-label=\"Pages\">{links}</nav>{leave}</header>\n<main id=\"content\">"
        ));
        html
    }

    /// Adds a line.
    pub(in crate::web) fn line(&mut self, text: impl Display) {
        writeln!(self.0, "{text}").expect("memory grows");
    }

    /// The page, with its foot. `json` is where the API says the same.
    pub(in crate::web) fn end(mut self, now: Timestamp, json: &str) -> String {
        let (now, json) = (Moment(now), Escaped(json));
        self.line(format_args!(
            "</main>\n<footer id=\"foot\" data-live>As of {now}. All times are UTC. \
             <a href=\"{json}\">This as JSON</a> · <a href=\"/metrics\">Metrics</a></footer>\n\
             </body>\n</html>"
        ));
        self.0
    }
}

/// Text that can stand in HTML, in attributes too.
pub(in crate::web) struct Escaped<T>(pub(in crate::web) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Escapes what is written through it.
struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                c => self.0.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A segment of a path, or a value of a query: whatever is not plain is percent-encoded.
pub(in crate::web) struct Encoded<'a>(pub(in crate::web) &'a str);

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

/// A moment, for people and machines. A narrow column breaks it between day and time, nowhere else.
pub(super) struct Moment(pub(super) Timestamp);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.0.to_rfc3339_seconds();
        let (day, rest) = exact.split_once('T').expect("RFC 3339");
        let time = rest.trim_end_matches('Z');
        write!(f, "<time datetime=\"{exact}\"><span>{day}</span> <span>{time}</span></time>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_cannot_leave_its_place() {
        let text = "<b onload='x'>\"&";
        assert_eq!(Escaped(text).to_string(), "&lt;b onload=&#39;x&#39;&gt;&quot;&amp;");
        assert_eq!(Encoded("a/b?c=ü#\"").to_string(), "a%2Fb%3Fc%3D%C3%BC%23%22");
    }
}
