-- org/window: a device is snoozed (静默) for a while, by the same means as a site is under maintenance.
ALTER TABLE windows ADD COLUMN gateway TEXT NOT NULL DEFAULT ''; -- '': the window is of the whole site
ALTER TABLE windows ADD COLUMN device TEXT NOT NULL DEFAULT '';
