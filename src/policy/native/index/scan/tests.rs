use proptest::prelude::*;

use super::*;

fn source(text: &str) -> PolicySource<'_> {
    PolicySource { id: "p", source: text }
}

/// The head as parsed by Cedar.
fn cedars(text: &str) -> Option<Scanned> {
    let policy = parse(source(text))?;
    Some(Scanned { scope: ScopeKeys::of(&policy), mode: annotation(&policy, "mode") })
}

#[track_caller]
fn agrees(text: &str) {
    assert_eq!(Scanned::scan(text), Some(cedars(text).expect(text)), "{text}");
}

#[test]
fn common_heads_are_scanned_as_cedar_parses_them() {
    for scope in [
        "principal, action, resource",
        r#"principal == User::"a", action == Action::"s/t", resource == Server::"s""#,
        r#"principal in Role::"rep", action in Action::"write", resource in Folder::"f""#,
        r#"principal is User, action in [Action::"a", Action::"b"], resource is Ns::Doc"#,
        r#"principal is User in Team::"x", action in [], resource is A::B::C in D::"""#,
        r#"principal == A :: B :: "with space, ) and // no comment",action,resource"#,
        "principal // who\n, action // ==\r\n, resource",
        r#"principal is inside, action in [Action::"a",], resource is isle"#,
    ] {
        for before in [
            "",
            "// a comment\n",
            "// a comment\r@mode(\"shadow\")\n",
            "@id(\"p\")",
            "@a @mode(\"shadow\") @b(\"\\\") permit(\")",
        ] {
            for after in ["", " when { true }", " unless { context has x } when { false }"] {
                agrees(&format!("{before} permit({scope}){after};"));
                agrees(&format!("{before}\n\tforbid (\n{scope} ){after};"));
            }
        }
    }
}

#[test]
fn cedar_parses_what_the_scanner_does_not() {
    for text in [
        r#"permit(principal == User::"\u{61}", action, resource);"#,
        r#"@mode("shado\u{77}") permit(principal, action, resource);"#,
        "permit(principal, action, resource,);",
        "permit\u{a0}(principal, action, resource);",
        "permit\u{b}(principal, action, resource);",
    ] {
        assert_eq!(Scanned::scan(text), None, "{text}");
        assert_eq!(Scanned::of(source(text)), cedars(text).expect(text), "{text}");
    }
    for broken in [
        r#"permit(principalin Group::"g", action, resource);"#,
        "",
        "permit",
        "permit(",
        "allow(principal, action, resource);",
        "permit(principal == User::\"a, action, resource);",
        "permit(principal in [User::\"a\"], action, resource);",
        "permit(principal == ?principal, action, resource);",
        "@mode permit(principal, action, resource",
        "@mode(\"a\") @mode(\"b\") permit(principal, action, resource);",
    ] {
        assert_eq!(Scanned::scan(broken), None, "{broken}");
        let everything = Scanned { scope: ScopeKeys::everything(), mode: None };
        assert_eq!(Scanned::of(source(broken)), everything, "{broken}");
    }
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "principal",
        "action",
        "resource",
        "permit",
        "forbid",
        "==",
        "in",
        "is",
        "has",
        "(",
        ")",
        "[",
        "]",
        ",",
        "::",
        ":",
        ";",
        "@",
        "@mode",
        "@id(\"p\")",
        "\"a\"",
        "\"\\\"\"",
        "\"\\n\"",
        "User",
        "User::\"a\"",
        "Ns::User::\"b\"",
        "Action::\"t\"",
        "?principal",
        "&&",
        "true",
        "a",
        "__cedar",
        "//\n",
        "// x\r",
        "/",
        "\n",
        "when",
        "{",
        "}",
        "1",
        "é",
        "\u{2028}",
        "\"é\"",
    ])
}

/// A text similar to a policy: a valid one with pieces inserted, removed or duplicated.
fn near() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just(""),
        Just("== User::\"a\""),
        Just("in Ns::Group::\"g\""),
        Just("is User"),
        Just("is Ns::User in Group::\"g\""),
        Just("in [Action::\"a\", Action::\"b\"]"),
    ];
    let damage = prop::option::of((any::<prop::sample::Index>(), piece(), any::<bool>()));
    (part.clone(), part.clone(), part, any::<bool>(), damage, any::<bool>()).prop_map(
        |(principal, action, resource, tight, damage, marked)| {
            let mut parts: Vec<String> = Vec::new();
            if marked {
                parts.extend(["@id(\"p\")".into(), "@mode".into(), "(\"shadow\")".into()]);
            }
            let scope = ["permit", "(", "principal", principal, ",", "action", action, ","];
            let end = ["resource", resource, ")", "when", "{", "true", "}", ";"];
            parts.extend(scope.iter().chain(&end).map(ToString::to_string));
            if let Some((place, piece, replace)) = damage {
                let at = place.index(parts.len());
                if replace {
                    parts[at] = piece.to_owned();
                } else {
                    parts.insert(at, piece.to_owned());
                }
            }
            parts.join(if tight { "" } else { " " })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// If both the scanner and Cedar accept a text, their results are equal.
    #[test]
    fn no_text_is_read_differently(text in near()) {
        if let (Some(ours), Some(cedars)) = (Scanned::scan(&text), cedars(&text)) {
            prop_assert_eq!(ours, cedars);
        }
    }

    #[test]
    fn no_text_at_all_is_read_differently(pieces in prop::collection::vec(piece(), 0..12)) {
        let text = pieces.concat();
        if let (Some(ours), Some(cedars)) = (Scanned::scan(&text), cedars(&text)) {
            prop_assert_eq!(ours, cedars);
        }
    }
}
