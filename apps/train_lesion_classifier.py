from keras_derm.jobs.command_line import command_line

if __name__ == "__main__":
    command_line("train_lesion_classifier")
