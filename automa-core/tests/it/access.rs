//! Accounts and roles: who may do what, and what becomes of who may not.

use automa_core::access::{Action, Principal, check};
use automa_core::automa::{NewUser, ScriptSpec, SetupToken};
use automa_core::password::Password;
use automa_core::store::PageRequest;
use automa_core::user::Role;
use automa_core::{Automa, Error};

use crate::doubles::World;

fn new_user(name: &str) -> NewUser {
    NewUser { username: name.parse().unwrap(), email: None, password: Password::new("correct horse").unwrap() }
}

/// A world whose first account is there: `root`, an admin.
async fn with_admin() -> World {
    let world = World::new().await;
    world.me.create_user(new_user("root"), Role::Admin).await.unwrap();
    world
}

async fn signed_in(automa: &Automa, name: &str) -> Principal {
    let signed = automa.sign_in(name, Password::claimed("correct horse")).await.unwrap();
    automa.principal(signed.session.id).await.unwrap()
}

#[tokio::test]
async fn the_first_user_takes_the_token_and_becomes_admin() {
    let world = World::new().await;
    let wrong = world.automa.register(new_user("eve"), Some(&SetupToken::claimed("guess"))).await;
    assert!(matches!(wrong, Err(Error::Unauthenticated(_))));
    assert!(matches!(world.automa.register(new_user("eve"), None).await, Err(Error::Unauthenticated(_))));
    let token = world.automa.setup_token().await.unwrap().unwrap();
    let (one, two) = tokio::join!(
        world.automa.register(new_user("ada"), Some(&token)),
        world.automa.register(new_user("bob"), Some(&token))
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {two:?}");
    assert_eq!(one.or(two).unwrap().role, Role::Admin);
    assert_eq!(world.automa.setup_token().await.unwrap(), None);
    let late = world.automa.register(new_user("carol"), Some(&token)).await;
    assert!(matches!(late, Err(Error::Forbidden { .. })), "{late:?}");
}

#[tokio::test]
async fn the_first_account_of_all_is_an_admins() {
    let world = World::new().await;
    let refused = world.me.create_user(new_user("vera"), Role::Operator).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    assert!(refused.to_string().starts_with("role: the first account must be an admin's"), "{refused}");
    world.me.create_user(new_user("ada"), Role::Admin).await.unwrap();
    world.me.create_user(new_user("vera"), Role::Operator).await.unwrap();
}

#[tokio::test]
async fn more_sign_ins_at_once_than_can_wait_are_turned_away() {
    let world = with_admin().await;
    let many = (0..200).map(|_| world.automa.sign_in("root", Password::claimed("wrong horse")));
    let answers = futures_util::future::join_all(many).await;
    let busy =
        answers.iter().filter(|it| matches!(it, Err(error) if error.code() == "busy" && error.retryable())).count();
    assert!((1..200).contains(&busy), "{busy} were turned away");
    world.automa.sign_in("root", Password::claimed("correct horse")).await.unwrap();
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_read_the_same() {
    let world = with_admin().await;
    world.me.create_user(new_user("ada"), Role::Viewer).await.unwrap();
    let unknown = world.automa.sign_in("nobody", Password::claimed("correct horse")).await.unwrap_err();
    let wrong = world.automa.sign_in("ada", Password::claimed("wrong horse")).await.unwrap_err();
    assert_eq!(unknown.to_string(), wrong.to_string());
    assert_eq!(world.actions().await, ["user.create", "user.create", "account.sign_in", "account.sign_in"]);
}

#[tokio::test]
async fn a_sign_out_ends_the_session_at_once() {
    let world = with_admin().await;
    world.me.create_user(new_user("ada"), Role::Viewer).await.unwrap();
    let signed = world.automa.sign_in("ADA", Password::claimed("correct horse")).await.unwrap();
    let ada = world.automa.acting_as(world.automa.principal(signed.session.id).await.unwrap());
    assert_eq!(ada.me().await.unwrap().username.as_str(), "ada");
    ada.sign_out().await.unwrap();
    assert!(matches!(world.automa.principal(signed.session.id).await, Err(Error::Unauthenticated(_))));
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_up() {
    let world = with_admin().await;
    world.me.create_user(new_user("ada"), Role::Viewer).await.unwrap();
    let signed = world.automa.sign_in("ada", Password::claimed("correct horse")).await.unwrap();
    world.clock.set(signed.session.expires_at);
    assert!(matches!(world.automa.principal(signed.session.id).await, Err(Error::Unauthenticated(_))));
}

#[tokio::test]
async fn a_refusal_changes_nothing_and_is_recorded() {
    let world = with_admin().await;
    world.me.create_user(new_user("vera"), Role::Viewer).await.unwrap();
    let vera = world.automa.acting_as(signed_in(&world.automa, "vera").await);
    let refused = vera.create_script(ScriptSpec::new("x".parse().unwrap()), "print x".parse().unwrap()).await;
    let error = refused.unwrap_err();
    assert_eq!(error.to_string(), "user vera (viewer) may not script.create; it takes the role developer or higher");
    assert!(world.me.scripts(&PageRequest::first(1)).await.unwrap().items.is_empty());
    assert_eq!(world.actions().await.last().map(String::as_str), Some("script.create"));
    let nobody = world.automa.acting_as(Principal::Anonymous);
    assert!(matches!(nobody.scripts(&PageRequest::first(1)).await, Err(Error::Unauthenticated(_))));
}

#[test]
fn every_role_may_what_the_lesser_ones_may() {
    for action in Action::ALL {
        let allowed: Vec<_> = Role::ALL
            .iter()
            .map(|role| {
                let id = automa_core::id::UserId::new();
                let username = "x".parse().unwrap();
                check(&Principal::User { id, username, role: *role, session: None }, *action).is_ok()
            })
            .collect();
        assert!(allowed.is_sorted(), "{action:?}: {allowed:?}");
        assert!(allowed[3], "an admin may {action:?}");
        assert!(check(&Principal::Anonymous, *action).is_err());
    }
}
