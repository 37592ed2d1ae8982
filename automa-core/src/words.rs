//! One way to give each variant of an enum the word by which APIs, stores and people know it.

/// Adds `ALL`, `name`, `Display` and `FromStr` to an enum without data. The error names `$field` and lists the words.
macro_rules! words {
    ($field:literal, $name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every one, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word for it, in APIs and to people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::error::Invalid;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => {
                        let words: &[&str] = &[$($word),+];
                        let message = format!("{text:?} is none of {}", words.join(", "));
                        Err($crate::error::Invalid::new($field, message))
                    }
                }
            }
        }
    };
}

pub(crate) use words;
