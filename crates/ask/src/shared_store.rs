//! The answer store of a run, shared by the kinds of questions that are answered: one process has it open for writing once.

use std::cell::{RefCell, RefMut};
use std::path::Path;
use std::rc::Rc;

use hydrometer_answers::RunError;
use hydrometer_answers::store::{Access, Store};

use crate::AskError;

/// A store that is opened when it is first needed.
#[derive(Clone, Default)]
pub(crate) struct SharedStore(Rc<RefCell<Opened>>);

#[derive(Default)]
struct Opened {
    store: Option<Store>,
    /// Why it is open for reading only.
    refusal: Option<RunError>,
}

impl SharedStore {
    /// Opens it. One that cannot be written will do where it holds every answer.
    ///
    /// # Errors
    /// It cannot be opened, or not for writing although it `lacks` an answer.
    pub(crate) fn prepare(
        &self,
        folder: &Path,
        lacks: impl FnOnce(&mut Store) -> Result<bool, AskError>,
    ) -> Result<(), AskError> {
        let mut opened = self.0.borrow_mut();
        if opened.store.is_none() {
            let (store, refusal) = Store::open_to_extend(folder)?;
            *opened = Opened { store: Some(store), refusal };
        }
        let Opened { store: Some(store), refusal } = &mut *opened else { return Ok(()) };
        match refusal.take() {
            Some(refused) if lacks(store)? => Err(refused.into()),
            refused => {
                *refusal = refused;
                Ok(())
            }
        }
    }

    /// The store, open.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(&self, folder: &Path) -> Result<RefMut<'_, Store>, AskError> {
        let mut opened = self.0.borrow_mut();
        let store = match opened.store.take() {
            Some(store) => store,
            None => Store::open(folder, Access::Write)?,
        };
        Ok(RefMut::map(opened, |opened| opened.store.insert(store)))
    }
}
