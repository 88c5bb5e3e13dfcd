//! The texts that this provider hashes, part by part.

/// What a payment link's signature is over, in the provider's order; parts that are not there leave no
/// trace, except the order number, which leaves its place empty.
#[derive(Debug, Default)]
pub(super) struct LinkBase<'a> {
    pub(super) login: &'a str,
    pub(super) out_sum: &'a str,
    pub(super) inv_id: Option<&'a str>,
    pub(super) receipt: Option<&'a str>,
    pub(super) step_by_step: bool,
    pub(super) result_url2: Option<&'a str>,
    pub(super) success_url2: Option<(&'a str, &'a str)>,
    pub(super) fail_url2: Option<(&'a str, &'a str)>,
}

impl LinkBase<'_> {
    /// The text, with the first password and our own parameters.
    pub(super) fn text(&self, password: &str, own: &[(String, String)]) -> String {
        let mut parts = vec![self.login, self.out_sum, self.inv_id.unwrap_or("")];
        parts.extend(self.receipt);
        if self.step_by_step {
            parts.push("true");
        }
        parts.extend(self.result_url2);
        for (url, method) in [self.success_url2, self.fail_url2].into_iter().flatten() {
            parts.extend([url, method]);
        }
        parts.push(password);
        closed(&parts, own)
    }
}

/// What a notification or a return of the browser is signed over: the sum and the number as they
/// arrived, the password, and every own parameter.
pub(super) fn call_base(
    out_sum: &str,
    inv_id: &str,
    password: &str,
    own: &[(String, String)],
) -> String {
    closed(&[out_sum, inv_id, password], own)
}

/// What a question about an operation is signed over.
pub(super) fn state_base(login: &str, inv_id: &str, password: &str) -> String {
    closed(&[login, inv_id, password], &[])
}

/// The parts, then the own parameters sorted by name in the order of their bytes.
fn closed(parts: &[&str], own: &[(String, String)]) -> String {
    let mut own: Vec<_> = own.iter().collect();
    own.sort();
    let own = own.iter().map(|(name, value)| format!(":{name}={value}"));
    parts.join(":") + &own.collect::<String>()
}
