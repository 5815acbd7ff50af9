//! Where Datadog is.

/// Its sites. One that is written otherwise is a host that does not exist, or somebody else's.
const SITES: [&str; 9] = [
    "datadoghq.com",
    "us3.datadoghq.com",
    "us5.datadoghq.com",
    "datadoghq.eu",
    "ap1.datadoghq.com",
    "ap2.datadoghq.com",
    "uk1.datadoghq.com",
    "ddog-gov.com",
    "us2.ddog-gov.com",
];

/// Refuses what is no site of Datadog. `urls` are the keys that take its place.
pub fn check_datadog_site(key: &str, site: &str, urls: &str) -> Result<(), String> {
    if SITES.contains(&site) {
        return Ok(());
    }
    Err(format!(
        "`{key}` is not a Datadog site; write one of {}, or for another address {urls} as well",
        SITES.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_site_is_refused_with_those_that_there_are() {
        assert_eq!(check_datadog_site("a.site", "us5.datadoghq.com", "`url`"), Ok(()));
        for site in
            ["datadog.eu", "datadoghq.eu ", "app.datadoghq.com", "https://datadoghq.com", ""]
        {
            let problem = check_datadog_site("a.site", site, "`url`").unwrap_err();
            assert!(
                problem.starts_with("`a.site` is not a Datadog site; write one of datadoghq.com, "),
                "{problem}"
            );
        }
    }
}
