//! The addresses that providers call: hard to guess, the same after every start, one per account.

use charkh::values::{AccountName, LinkId, Secret};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Bytes of a token: 128 bits.
const TOKEN_BYTES: usize = 16;

/// What stands behind `/c/` for an account: the first half of HMAC-SHA256 over its name.
pub(crate) fn callback_token(secret: &Secret, account: &AccountName) -> String {
    token(secret, account.as_str())
}

/// What stands behind `/p/` for a link. No account has a name with a slash in it.
pub(crate) fn link_token(secret: &Secret, link: &LinkId) -> String {
    token(secret, &format!("p/{link}"))
}

fn token(secret: &Secret, name: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else {
        // HMAC takes keys of every length.
        return String::new();
    };
    mac.update(name.as_bytes());
    let code = mac.finalize().into_bytes();
    code.iter()
        .take(TOKEN_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The tokens of all accounts.
#[derive(Clone)]
pub(crate) struct Tokens(Vec<(String, AccountName)>);

impl Tokens {
    /// The tokens of these accounts.
    pub(crate) fn of<'a>(
        secret: &Secret,
        accounts: impl Iterator<Item = &'a AccountName>,
    ) -> Tokens {
        let token = |account: &AccountName| (callback_token(secret, account), account.clone());
        Tokens(accounts.map(token).collect())
    }

    /// Every token with its account.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &AccountName)> {
        self.0
            .iter()
            .map(|(token, account)| (token.as_str(), account))
    }

    /// Whose token it is. How long this takes says nothing about the tokens there are.
    pub(crate) fn account(&self, token: &str) -> Option<&AccountName> {
        let mut found = None;
        for (known, account) in &self.0 {
            if !known.is_empty() && bool::from(known.as_bytes().ct_eq(token.as_bytes())) {
                found = Some(account);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use charkh::values::{AccountName, Secret};

    use super::{Tokens, callback_token};

    #[test]
    fn a_token_is_the_first_half_of_hmac_sha256_and_names_one_account() {
        // The second case of RFC 4231: key "Jefe", data "what do ya want for nothing?".
        let token = callback_token(
            &Secret::new("Jefe"),
            &AccountName::new("what do ya want for nothing?"),
        );
        assert_eq!(token, "5bdcc146bf60754e6a042426089575c7");
        let (main, other) = (AccountName::new("main"), AccountName::new("other"));
        let secret = Secret::new("s");
        let tokens = Tokens::of(&secret, [&main, &other].into_iter());
        assert_eq!(
            tokens.account(&callback_token(&secret, &other)),
            Some(&other)
        );
        let foreign = callback_token(&Secret::new("t"), &main);
        for token in ["", "main", foreign.as_str()] {
            assert_eq!(tokens.account(token), None, "{token}");
        }
    }
}
